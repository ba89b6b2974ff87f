"""The console in a real browser on the whole stack: by mouse, by keyboard, and without scripts.

``GODWIT_SCREENSHOTS`` names a directory for pictures of every page, in both themes and three
widths.
"""

import csv
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running import Running, stack

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
AXE = Path(os.environ.get("GODWIT_AXE", CACHE / "godwit/node_modules/axe-core/axe.min.js"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 768, 1280)
TEXT = "Hi {{First name}}, “your visit” is on {{Date}}. We will be there. Reply STOP to stop."
pytestmark = [
    pytest.mark.stack,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack of this module's own."""
    with stack(tmp_path_factory.mktemp("console") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's browser, without a sandbox because tests may run as root."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A person at a browser: what the page complained about, and pictures of each step."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def sign_in(self, running: Running) -> None:
        """Sign in with the key of the demo account."""
        account = running.description["account"]
        self.page.goto(f"{self.address}/sign-in")
        self.page.fill("#keyId", account["keyId"])
        self.page.fill("#keySecret", account["keySecret"])
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/campaigns")

    def look(self, name: str) -> None:
        """Check a page in both themes, and that no width makes it scroll sideways.

        At most one button of it is the one to press, or the one that loses something.
        """
        assert self.page.locator(".primary:visible, .danger:visible").count() <= 1, name
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                self.page.set_viewport_size({"width": width, "height": 900})
                if folder := os.environ.get("GODWIT_SCREENSHOTS"):
                    picture = Path(folder) / f"{name}-{scheme}-{width}.png"
                    self.page.screenshot(path=picture, full_page=True)
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} px wide at {width}"
            if AXE.exists():
                self.page.evaluate(AXE.read_text("utf-8"))
                found = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
                self.violations += [f"{name}: {one['id']}" for one in found["violations"]]


def visit(chromium: Browser, running: Running, **options: Any) -> Visit:
    """A new person at a browser of their own."""
    context = chromium.new_context(locale="en-GB", timezone_id="Europe/Dublin", **options)
    page = context.new_page()
    page.set_default_timeout(20_000)
    return Visit(page, running.description["console"])


def dirty_list(file: Path, rows: int) -> None:
    """A spreadsheet as people have them: national numbers, some wrong, twice, or without a date."""
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["Mobile", "First name", "Date"])
        for index in range(rows):
            to = "n/a" if index % 83 == 5 else f"(415) 555-{1_100 + index - (index % 111 == 7):04d}"
            writer.writerow(
                [to, "Zoë" if index % 7 else "Ann", "" if index % 45 == 9 else "Monday"]
            )


def test_a_dirty_list_of_1000_is_delivered_by_mouse(
    chromium: Browser, running: Running, tmp_path: Path
) -> None:
    one = visit(chromium, running)
    page, file = one.page, tmp_path / "visits.csv"
    dirty_list(file, 1_000)
    page.goto(f"{one.address}/sign-in")
    one.look("sign-in")
    one.sign_in(running)
    one.look("empty")
    page.click("text=New campaign")
    page.click("text=Start a new one")
    page.fill("#text", TEXT)
    page.wait_for_selector("#count:has-text('2 instead of 1')")
    one.look("write")
    page.fill("#name", "Visits on Monday")
    page.click("text=Use plain quotes")
    page.wait_for_selector("#count:has-text('1 message each')")
    page.click("text=Save and continue")
    one.look("add")
    page.set_input_files("#file", file)
    page.click("text=Read the list")
    page.wait_for_selector("text=1,000 rows: 965 good, 35 with a fault.")
    one.look("recipients")
    page.click("text=/Leave these 35 out/")
    page.wait_for_selector("text=What they get")
    page.fill("#to", "+14155550155")
    page.click("button:has-text('Send me a test')")
    page.wait_for_selector("text=A test was sent.")
    one.look("check")
    page.click("a.primary")
    one.look("send")
    page.click("button.primary")
    page.wait_for_selector("h1:has-text('Visits on Monday')")
    one.look("sending")
    # It changes by itself, without anybody loading it again.
    page.wait_for_selector(".state.finished", timeout=90_000)
    one.look("finished")
    assert re.match(r"Visits on Monday · finished · Godwit", page.title())
    page.goto(f"{one.address}/installation")
    one.look("installation")
    sent = {row["reference"] for row in running.carrier_log()}
    # One of them is the test.
    assert len(sent) == len(running.carrier_log()) == 957
    assert one.complaints == []
    if not AXE.exists():
        pytest.skip(f"everything else held, but axe-core is not in {AXE.parent}")
    assert one.violations == []


def test_the_tale_by_keyboard_alone(chromium: Browser, running: Running) -> None:
    one = visit(chromium, running)
    page, keyboard = one.page, one.page.keyboard
    one.sign_in(running)
    page.goto(f"{one.address}/new")

    def reach(selector: str) -> None:
        for _ in range(60):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {selector}")

    def press(selector: str) -> None:
        reach(selector)
        with page.expect_navigation():
            keyboard.press("Enter")

    press("main button.primary")
    reach("#text")
    keyboard.type("Hello from the keyboard")
    press("button.primary")
    reach("#pasted")
    keyboard.type("+14155550150\n+14155550151")
    press("main button.primary")
    press("a.primary")
    press("a.primary")
    press("button.primary")
    page.wait_for_url("**/campaigns/cmp_*")
    assert one.complaints == []


def test_everything_reads_without_scripts(chromium: Browser, running: Running) -> None:
    one = visit(chromium, running, java_script_enabled=False)
    one.sign_in(running)
    page = one.page
    page.goto(f"{one.address}/new")
    page.click("text=Start a new one")
    page.fill("#text", "Hello without scripts")
    page.click("text=Save and continue")
    page.fill("#pasted", "+14155550160\n+14155550161")
    page.click("text=Read the list")
    page.click("text=Continue with 2 people")
    page.click("a.primary")
    page.fill("#hours", "1")
    page.click("button.primary")
    page.wait_for_url("**/campaigns/cmp_*")
    assert "UTC" in page.inner_text("main")
    # The first of a spread leaves at once.
    assert sum(map(int, re.findall(r"[0-9]+", page.inner_text(".legend")))) == 2
    page.click("text=Cancel …")
    page.click("button.danger")
    page.wait_for_selector("h1")


def test_two_browsers_on_one_campaign_are_told_what_the_other_did(
    chromium: Browser, running: Running
) -> None:
    one, two = visit(chromium, running), visit(chromium, running)
    recipients = [{"to": f"+1415555017{digit}", "text": "Hello"} for digit in range(9)]
    body = {"name": "Shared", "recipients": recipients, "spreadHours": 2}
    campaign_id = running.api.post("/v1/campaigns", json=body).json()["id"]
    for person in (one, two):
        person.sign_in(running)
        person.page.goto(f"{person.address}/campaigns/{campaign_id}/cancel")
    one.page.click("button.danger")
    one.page.wait_for_selector(".state.cancelled")
    two.page.click("button.danger")
    two.page.wait_for_selector("text=The campaign has moved on")


def test_a_person_is_found_opted_out_and_erased_by_mouse(
    chromium: Browser, running: Running
) -> None:
    one, number = visit(chromium, running), "+14155550177"
    page = one.page
    body = {"name": "Visits", "text": "Your visit is on Monday", "recipients": [{"to": number}]}
    running.wait_for_end(running.api.post("/v1/campaigns", json=body).json()["id"])
    sender = running.get("/v1/senders")["senders"][0]["address"]
    for text in ("Thank you, see you then.", "Don't stop the reminders, please"):
        at = datetime.now(UTC).isoformat()
        said = {"from": number, "to": sender, "body": text, "at": at}
        assert running.api.post("/carriers/pretend/inbound", json=said).status_code == 202
    one.sign_in(running)
    page.click("nav >> text=Replies")
    # The inbox shows the newest text of each conversation.
    page.wait_for_selector("text=Don't stop the reminders, please")
    one.look("replies")
    page.select_option("#show", "review")
    page.click(".filter button")
    one.look("replies-to-decide")
    page.click(f"a:has-text('{number}')")
    page.wait_for_selector("h1:has-text('+14155550177')")
    page.click("text=Send this person nothing more")
    page.wait_for_selector("text=This person is opted out")
    one.look("person")
    page.click("text=Erase this person")
    page.wait_for_selector("text=What stays")
    one.look("erase")
    page.click("button.danger")
    page.wait_for_selector("text=This person is erased")
    one.look("erased")
    page.click("nav >> text=People")
    one.look("people")
    page.click("nav >> text=Credits")
    one.look("credits")
    assert one.complaints == [] and one.violations == []
