"""Take the pictures in docs/console.md: from ``make up`` to a delivered campaign, by mouse alone.

Run it with ``make picture``. It starts an embedded stack of its own and drives Debian's Chromium
through the console as a person would, with a spreadsheet of 1,000 rows of which some are wrong.
Nothing in the pictures is invented but the people; ids and times differ in each run.
"""

import asyncio
import csv
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
from playwright.async_api import Page, async_playwright
from smaller import shrink

from starter.embedded.stack import Stack, StackOptions

TARGET = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
SIZE = {"width": 1040, "height": 800}
BYTES_MAX = 120_000
SECONDS_MAX = 400.0
ROWS = 1_000
# So that the campaign is seen while it runs.
SPREAD_HOURS = "0.02"
TEXT = "Hi {{First name}}, your visit is on {{Date}} at 9:00. Reply STOP to stop."
OTHER_TEXT = "Hi {{First name}}, your visit is on {{Date}} at 9:30. Reply STOP to stop."
NAMES = ("Ann", "Zoë", "Maria", "O’Brien", "Bob")
OWN_NUMBER, PERSON = "+14155550199", "+14155551100"
REPLY = "Can I come at ten instead?"


async def main(target: Path) -> None:
    """Run a stack and a browser, and write the pictures to a directory."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not installed")
    with tempfile.TemporaryDirectory(prefix="godwit-picture-") as directory:
        stack = Stack(StackOptions(Path(directory) / "data", port=0, temporal_port=0, ui_port=0))
        try:
            await stack.start()
            async with asyncio.timeout(SECONDS_MAX), async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                context = await browser.new_context(
                    viewport=SIZE, locale="en-GB", timezone_id="Europe/Dublin"
                )
                people = Path(directory) / "visits.csv"
                write_people(people)
                await walk(Album(await context.new_page(), target), stack, people)
                await browser.close()
        finally:
            await stack.stop()


class Album:
    """A page of a browser, and the pictures that are taken of it."""

    def __init__(self, page: Page, target: Path) -> None:
        self.page = page
        self._target = target

    async def take(self, name: str, bottom: str | None = None) -> None:
        """Write a picture of the page, from its top or down to the element ``bottom``.

        Ends the run if it is too large.
        """
        await self.page.evaluate("window.scrollTo(0, 0)")
        if bottom is not None:
            place = "(one, room) => window.scrollTo(0, one.getBoundingClientRect().bottom - room)"
            await self.page.locator(bottom).first.evaluate(place, SIZE["height"] - 16)
        picture = shrink(await self.page.screenshot())
        if len(picture) > BYTES_MAX:
            sys.exit(f"{name} has {len(picture):,} bytes")
        file = self._target / f"console-{name}.png"
        file.write_bytes(picture)
        sys.stdout.write(f"wrote {file} ({len(picture):,} bytes)\n")


async def walk(album: Album, stack: Stack, people: Path) -> None:
    """Send a campaign from a spreadsheet, see it delivered, and answer a reply."""
    page = album.page
    await page.goto(stack.console_link)
    await page.click("nav >> text=New campaign")
    await page.click("text=Start a new one")
    await page.fill("#name", "Visits on Monday")
    await page.fill("#text", TEXT)
    await page.wait_for_selector("#count:has-text('1 message each')")
    await album.take("1-write")
    await page.click("text=Save and continue")
    await page.set_input_files("#file", people)
    await page.click("text=Read the list")
    await page.wait_for_selector("h3:has-text('Rows with a fault')")
    await album.take("2-recipients", "h3 ~ .scroll tr:nth-child(3)")
    await page.click("text=/Leave these .* out/")
    await page.wait_for_selector("h1:has-text('Check')")
    await album.take("3-check")
    await page.fill("#to", OWN_NUMBER)
    await page.click("#test button")
    await page.wait_for_selector("text=A test was sent.")
    await page.click("main .actions a.primary")
    await page.wait_for_selector("h1:has-text('Send')")
    await page.fill("#hours", SPREAD_HOURS)
    await album.take("4-send", "main .actions")
    await page.click("button.primary")
    await page.wait_for_url("**/campaigns/cmp_*")
    await page.wait_for_timeout(30_000)
    await album.take("5-sending")
    await page.click("text=Change …")
    await page.click("nav >> text=Text")
    await page.fill("#text", OTHER_TEXT)
    await page.click("text=Show what would follow")
    await page.wait_for_selector("text=would end about")
    await album.take("6-change")
    await page.click("text=Change the campaign")
    await page.wait_for_url("**/campaigns/cmp_*")
    await page.wait_for_selector(".state.finished", timeout=180_000)
    await page.wait_for_timeout(3_000)
    await album.take("7-delivered")
    await reply(stack)
    await page.click("nav >> text=Campaigns")
    await page.wait_for_selector(".badge")
    await album.take("8-campaigns")
    await page.click("nav >> text=Replies")
    await page.click("td.text a")
    await page.fill("#text", "Yes. See you at ten!")
    await page.click("text=Send the answer")
    await page.wait_for_selector(".ours:has-text('See you at ten'):has-text('· delivered')")
    await album.take("9-answer")
    await page.click("nav >> text=Installation")
    await page.click("summary")
    await page.wait_for_selector("text=Everything runs.")
    await album.take("10-installation")


async def reply(stack: Stack) -> None:
    """Bring a text of a person, as a network does."""
    account = stack.description["account"]
    said = {
        "from": PERSON,
        "to": account["senders"][0],
        "body": REPLY,
        "at": datetime.now(UTC).isoformat(),
    }
    async with httpx.AsyncClient(base_url=stack.description["api"], trust_env=False) as api:
        (await api.post("/carriers/pretend/inbound", json=said)).raise_for_status()


def write_people(file: Path) -> None:
    """A spreadsheet as people have them: national numbers, some wrong, twice, or without a date."""
    with file.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["Mobile", "First name", "Date"])
        for index in range(ROWS):
            number = f"(415) 555-{1_100 + index - (index % 111 == 7):04d}"
            day = "" if index % 45 == 9 else "Monday"
            rows.writerow(["n/a" if index % 83 == 5 else number, NAMES[index % 5], day])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
