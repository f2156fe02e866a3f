"""Fails on a broken link in a Markdown file, and on a README that is too long.

Links to other sites are not checked.
"""

import re
from urllib.parse import unquote

from report import report

LONGEST_README = 150  # lines of the one at the top
SKIPPED = {"build", "result"}  # and names that begin with a dot

CODE_BLOCK = re.compile(r"^ *(```|~~~).*?^ *\1", re.DOTALL | re.MULTILINE)
CODE_SPAN = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(\s*<?([^)>\s]+)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def pages(root):
    """All Markdown files of the project."""
    for file in sorted(root.rglob("*.md")):
        top = file.relative_to(root).parts[0]
        if top not in SKIPPED and not top.startswith("."):
            yield file


def anchor(heading):
    """The anchor that GitHub gives to a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w -]", "", text).replace(" ", "-")


def anchors(page):
    return {anchor(heading) for heading in HEADING.findall(CODE_BLOCK.sub("", page.read_text()))}


def leads_somewhere(root, page, link):
    path, _, fragment = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(root):
        return False
    return not fragment or target.suffix != ".md" or fragment in anchors(target)


def faults(root):
    root = root.resolve()
    for page in pages(root):
        text = CODE_SPAN.sub("", CODE_BLOCK.sub("", page.read_text()))
        for link in (inline or reference for inline, reference in LINK.findall(text)):
            if not ELSEWHERE.match(link) and not leads_somewhere(root, page, link):
                yield f"{page.relative_to(root)}: the link to {link} leads nowhere"
    readme = root / "README.md"
    lines = len(readme.read_text().splitlines()) if readme.exists() else 0
    if lines > LONGEST_README:
        yield f"README.md has {lines} lines; what goes beyond {LONGEST_README} belongs in docs/"


if __name__ == "__main__":
    report(faults)
