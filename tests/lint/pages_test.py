"""Runs pages.py on small trees of Markdown files."""

import tempfile
import unittest
from pathlib import Path

import pages


class Pages(unittest.TestCase):
    def faults(self, files):
        """The faults found in a tree that has just these files."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return list(pages.faults(root))

    def test_finds_a_link_that_leads_nowhere(self):
        for text in ("[a](b.md)", "[`a`](docs/b.md)", "![a](a.png)", "[a]: b.md", "[a](<b.md>)"):
            self.assertEqual(len(self.faults({"docs/a.md": text})), 1, text)

    def test_finds_a_link_out_of_the_tree(self):
        self.assertEqual(
            self.faults({"a.md": "[a](../../../../../../etc)"}),
            ["a.md: the link to ../../../../../../etc leads nowhere"],
        )

    def test_finds_a_heading_that_is_not_there(self):
        page = "# A `b`: c, d\n```\n# comment\n```\n"
        self.assertEqual(self.faults({"a.md": page, "b.md": "[x](a.md#a-b-c-d)"}), [])
        self.assertEqual(self.faults({"a.md": page + "[x](#a-b-c-d)"}), [])
        for link in ("a.md#comment", "a.md#a", "#a"):
            self.assertEqual(len(self.faults({"a.md": page, "b.md": f"[x]({link})"})), 1, link)

    def test_allows_what_is_there_or_elsewhere(self):
        for link in ("../b", "../b/c.txt", "https://example.org/a.md", "mailto:a@example.org"):
            self.assertEqual(self.faults({"docs/a.md": f"[a]({link})", "b/c.txt": ""}), [], link)

    def test_allows_code_that_looks_like_a_link(self):
        self.assertEqual(self.faults({"a.md": "`f[0](x)`\n```\nf[0](x)\n```\n"}), [])

    def test_leaves_builds_alone(self):
        self.assertEqual(self.faults({"build/a.md": "[a](b)", ".git/a.md": "[a](b)"}), [])

    def test_finds_a_readme_that_is_too_long(self):
        self.assertEqual(self.faults({"README.md": "x\n" * pages.LONGEST_README}), [])
        self.assertEqual(len(self.faults({"README.md": "x\n" * (pages.LONGEST_README + 1)})), 1)
        self.assertEqual(self.faults({"nix/README.md": "x\n" * 1000}), [])


if __name__ == "__main__":
    unittest.main()
