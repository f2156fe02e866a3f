"""The report of a run in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from browser import Browser, Page
from records import Record, boot, png, shop_outcome, write_shop

ROOT = Path(__file__).resolve().parents[2]
MAKE_REPORT = Path(os.environ.get("NTD_BIN_DIR", ROOT / "build/dev/bin")) / "make_report"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        with Browser(CHROMIUM, Path(directory)) as browser:
            yield browser


def make_report(record: Path, outcome: dict[str, object]) -> Path:
    page = record.with_name("report.html")
    file = record.with_name("outcome.json")
    file.write_text(json.dumps(outcome))
    subprocess.run([MAKE_REPORT, record, file, page], check=True, timeout=120)
    return page


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shop")
    (directory / "web.png").write_bytes(png(64, 48, (10, 20, 30)))
    record = write_shop(directory / "record.jsonl", ("web.png",))
    journal = {"machine": "web", "title": "journal", "file": str(directory / "web" / "journal.txt")}
    return make_report(record, shop_outcome(evidence=[journal]))


@pytest.fixture
def opened(browser: Browser, shop: Path) -> Iterator[Page]:
    page = browser.open(shop.as_uri())
    yield page
    assert page.complaints() == []


ShownSteps = Callable[[], list[str]]


@pytest.fixture
def shown_steps(opened: Page) -> ShownSteps:
    """The machines of the steps that the filters leave."""
    script = (
        "[...document.querySelectorAll('.step')].filter(step => !step.hidden)"
        ".map(step => step.dataset.machine ?? '')"
    )
    return lambda: list(opened.run(script))


def current(page: Page) -> str:
    return str(page.run("document.querySelector('.step.current .what').textContent"))


def test_needs_no_network(opened: Page, shop: Path) -> None:
    assert [url for url in opened.requests() if not url.startswith("data:")] == [shop.as_uri()]


def test_shows_at_once_what_failed_and_why(opened: Page) -> None:
    seen = opened.run(
        "[...document.querySelectorAll('h1, .why li.failed, .culprit, .console-end, figure img')]"
        ".map(e => [e.className || e.tagName, e.getBoundingClientRect().bottom])"
    )
    assert [name for name, _ in seen] == ["H1", "failed", "culprit", "text console-end", "IMG"]
    assert max(bottom for _, bottom in seen) < 900


def test_selects_the_step_that_failed(opened: Page) -> None:
    assert "orders" in current(opened)


def test_does_not_run_what_a_guest_sent(opened: Page) -> None:
    assert "<script>alert(1)</script>" in opened.run("document.body.textContent")
    assert opened.run("document.querySelectorAll('body script').length") == 0


def test_blocks_scripts_of_others(browser: Browser, shop: Path) -> None:
    hole = shop.with_name("hole.html")
    evil = "<img src=x onerror='window.evil = 1'><script>window.evil = 1</script>"
    hole.write_text(shop.read_text().replace("</body>", evil + "</body>"))
    page = browser.open(hole.as_uri())
    assert page.run("window.evil") is None
    assert len(page.complaints()) >= 2


def test_moves_with_keys(opened: Page) -> None:
    opened.press("g")
    opened.press("k")
    before = current(opened)
    opened.press("j")
    assert "orders" in current(opened)
    assert before != current(opened)
    assert opened.run("document.activeElement.closest('.step').id") in opened.run("location.hash")


def test_goes_to_failures_with_a_key(opened: Page) -> None:
    opened.press("n")
    assert current(opened) == "the test failed"
    opened.press("p")
    assert "orders" in current(opened)


def test_opens_the_help_with_a_key(opened: Page) -> None:
    opened.press("?")
    assert opened.run("document.querySelector('dialog').open")
    opened.press("Escape")
    opened.wait_until("!document.querySelector('dialog').open")
    opened.click("#show-help")
    opened.wait_until("document.querySelector('dialog').open")
    opened.click("dialog button")
    opened.wait_until("!document.querySelector('dialog').open")


def test_switches_dark_and_light(browser: Browser, shop: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = browser.open(shop.as_uri(), "light").run(background)
    page = browser.open(shop.as_uri(), "dark")
    assert page.run(background) != light
    page.press("d")
    assert page.run(background) == light
    page.click("#theme")
    assert page.run(background) != light
    page.run("localStorage.clear()")


def search(page: Page, words: str) -> str:
    page.press("/")
    page.type(words)
    page.wait_until("document.querySelector('#hits').textContent !== ''")
    return str(page.run("document.querySelector('#hits').textContent"))


def test_search_finds_steps(opened: Page) -> None:
    assert search(opened, "SELECT 1") == "2 hits"  # the step, and the script
    opened.press("Enter")
    assert "psql" in current(opened)
    opened.press("Enter")
    assert opened.run("document.querySelector('.panel.shown').id") == "script"


def test_search_finds_console_lines(opened: Page) -> None:
    assert search(opened, "unit-22.service") == "2 hits"
    opened.press("Enter")
    assert opened.run("document.querySelector('.panel.shown').dataset.machine") == "0"
    opened.press("Enter")
    assert opened.run("document.querySelector('.panel.shown').dataset.machine") == "1"
    opened.press("Escape")
    assert opened.run("document.querySelector('#hits').textContent") == ""


def test_search_says_if_there_is_nothing(opened: Page) -> None:
    assert search(opened, "xyzzy") == "no hits"


def choose(page: Page, selector: str, value: str) -> None:
    page.run(
        f"(() => {{ const e = document.querySelector('{selector}'); e.value = '{value}';"
        "e.dispatchEvent(new Event('change')); })()"
    )


def test_filters_by_machine(opened: Page, shown_steps: ShownSteps) -> None:
    choose(opened, "#machine", "1")
    assert "1" in shown_steps()
    assert "0" not in shown_steps()
    choose(opened, "#machine", "")
    assert "0" in shown_steps()


def test_filters_by_level(opened: Page, shown_steps: ShownSteps) -> None:
    at_first = len(shown_steps())
    choose(opened, "#level", "0")
    assert len(shown_steps()) == at_first + 1  # the message for developers
    choose(opened, "#level", "3")
    assert len(shown_steps()) == 3


def test_consoles_follow_the_selected_step(opened: Page) -> None:
    now = "parseFloat(document.querySelector('.panel.shown b.now').textContent)"
    assert opened.run(now) == pytest.approx(17.9)
    opened.run("document.querySelector('#s1 .at').click()")
    choose(opened, "#machine", "1")
    assert opened.run(now) < 1


def test_a_bar_leads_to_its_step(opened: Page) -> None:
    opened.click(".lane rect.failed")
    assert "the application uses the database" in current(opened)


def test_a_console_line_leads_to_the_step_of_its_time(opened: Page) -> None:
    opened.run(
        "[...document.querySelectorAll('#console-0 b')]"
        ".find(time => parseFloat(time.textContent) === 17).click()"
    )
    assert "orders" in current(opened)
    assert opened.run("parseFloat(document.querySelector('b.now').textContent)") == 17


def test_zooms_the_time_line(opened: Page) -> None:
    width = "document.querySelector('.lane').getBoundingClientRect().width"
    before = opened.run(width)
    opened.press("+")
    assert opened.run(width) > before * 1.9
    # The selected time stays in sight.
    left = opened.run("document.querySelector('.cursor').getBoundingClientRect().left")
    assert 100 < left < 1400
    opened.press("-")
    assert opened.run(width) == before


def test_opens_at_an_anchor(browser: Browser, shop: Path) -> None:
    page = browser.open(shop.as_uri() + "#s4")
    assert "curl --fail http://localhost/" in current(page)
    page = browser.open(shop.as_uri() + "#L9")
    assert page.run("document.querySelector('.source li.current').id") == "L9"


def test_can_be_read_without_javascript(browser: Browser, shop: Path) -> None:
    plain = shop.with_name("plain.html")
    plain.write_text(shop.read_text().replace("script-src 'nonce-", "script-src 'nonce-no"))
    page = browser.open(plain.as_uri())
    assert not page.run("document.documentElement.classList.contains('js')")
    heights = page.run(
        "[...document.querySelectorAll('.verdict, .timeline, .step.failed > summary,"
        " .panel > summary')]"
        ".map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) > 15
    assert page.run("document.querySelector('.controls').getBoundingClientRect().height") == 0


def test_long_consoles_open_fast(browser: Browser, tmp_path: Path) -> None:
    record = Record(tmp_path / "record.jsonl")
    record.begin("start all VMs", line=1)
    boot(record, "web", 100_000, 300)
    record.end()
    page = browser.open(make_report(record.close(), {"passed": True}).as_uri())
    print(f"100,000 console lines open in {page.seconds_to_open:.2f} s")
    assert page.run("document.querySelectorAll('#console-0 .chunk').length") == 500
    assert page.seconds_to_open < 30 * float(os.environ.get("NTD_TEST_SLOWNESS", "1"))
    assert search(page, "unit-99998.service") == "1 hit"
    assert page.complaints() == []
