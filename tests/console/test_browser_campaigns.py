"""A campaign in a real browser: changed, watched while it changes, and read as a report."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from tests.console.test_browser import CHROMIUM, Visit, chromium, running, visit
from tests.running import Json, Running

__all__ = ["chromium", "running"]
pytestmark = [
    pytest.mark.stack,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


def create(running: Running, name: str, first: int, **members: object) -> str:
    """A campaign of 40 people over an hour; returns its id."""
    recipients = [{"to": f"+1415555{first + n:04d}"} for n in range(40)]
    text = "Your visit is on Monday. Reply STOP to stop."
    body: Json = {"name": name, "text": text, "recipients": recipients, "spreadHours": 1, **members}
    answer = running.api.post("/v1/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def on_page(chromium: Browser, running: Running, path: str) -> Visit:
    """Somebody who is signed in and has opened a page."""
    one = visit(chromium, running)
    one.sign_in(running)
    one.page.goto(f"{one.address}{path}")
    return one


def test_a_campaign_is_changed_by_mouse_and_its_report_is_read(
    chromium: Browser, running: Running
) -> None:
    start = datetime.now(UTC) + timedelta(hours=2)
    campaign = create(running, "Visits " * 20, 1_200, scheduleDateTime=start.isoformat())
    one = on_page(chromium, running, f"/campaigns/{campaign}")
    page = one.page
    one.look("scheduled")
    page.click("text=Change …")
    one.look("change")
    page.fill("#hours", "3")
    page.fill("#rate", "30")
    page.click("text=Show what would follow")
    page.wait_for_selector("text=/would end about/")
    one.look("change-preview")
    page.click("text=Change the campaign")
    page.wait_for_url(f"**/campaigns/{campaign}")
    assert running.get(f"/v1/campaigns/{campaign}")["spreadHours"] == 3
    for what in ("text", "limits"):
        page.goto(f"{one.address}/campaigns/{campaign}/change?what={what}")
        one.look(f"change-{what}")
        if what == "text":
            page.wait_for_selector("#count:has-text('44 characters · 1 message each')")
            page.fill("#text", "Your visit is on Monday 😀" + " at nine" * 6)
            page.wait_for_selector("#count:has-text('2 messages each')")
    page.goto(f"{one.address}/campaigns/{campaign}")
    page.click("text=Report to print")
    page.wait_for_selector("h2:has-text('Facts')")
    one.look("report")
    page.emulate_media(media="print")
    assert not page.is_visible("header.top") and page.is_visible(".facts")
    assert one.complaints == [] and one.violations == []


def test_a_page_hears_at_once_of_what_another_person_does(
    chromium: Browser, running: Running
) -> None:
    campaign = create(running, "Watched", 1_300)
    one = on_page(chromium, running, f"/campaigns/{campaign}")
    page = one.page
    streams = (
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('/events'))"
    )
    # Whatever moves, what a person has opened stays open.
    page.click("summary")
    running.api.post(f"/v1/campaigns/{campaign}/pause")
    page.wait_for_selector(".state.paused", timeout=10_000)
    assert "paused" in page.inner_text("#announced")
    assert page.evaluate("document.querySelector('figure details').open")
    running.api.post(f"/v1/campaigns/{campaign}/cancel")
    page.wait_for_selector(".state.cancelled", timeout=10_000)
    # The stream ends with the campaign, and the page asks no more.
    page.wait_for_function(f"{streams}.length === 1", timeout=10_000)
    assert page.query_selector("[data-poll]") is None
    assert one.complaints == []


def test_without_a_stream_the_page_loads_itself_again(chromium: Browser, running: Running) -> None:
    campaign = create(running, "Polled", 1_400)
    one = visit(chromium, running)
    one.sign_in(running)
    one.page.route("**/events?*", lambda route: route.abort())
    one.page.goto(f"{one.address}/campaigns/{campaign}")
    running.api.post(f"/v1/campaigns/{campaign}/cancel")
    one.page.wait_for_selector(".state.cancelled", timeout=20_000)


def test_a_list_with_hours_and_a_picture_is_sent_by_mouse(
    chromium: Browser, running: Running
) -> None:
    made = running.api.post("/v1/mailing-lists", json={"name": "Guests"})
    assert made.status_code == 201, made.text
    members = [{"to": f"+1415555{1_500 + n}", "fields": {"First name": "Ann"}} for n in range(5)]
    added = running.api.post(
        f"/v1/mailing-lists/{made.json()['id']}/members", json={"members": members}
    )
    assert added.is_success, added.text
    one = on_page(chromium, running, "/new")
    page = one.page
    page.click("text=Start a new one")
    page.fill("#text", "Hi {{First name}}, see you soon!")
    page.click("summary")
    page.fill("#since", "00:00")
    page.fill("#until", "23:59")
    one.look("write-hours")
    page.click("text=Save and continue")
    page.click("text=Use this list")
    page.wait_for_selector("text=5 people are on it now")
    one.look("mailing-list")
    page.click("text=Continue with this list")
    page.click("a.primary")
    page.check("#now")
    page.fill("#hours", "24")
    page.click("text=Show when they would leave")
    # A day has one night, or the two halves of two.
    page.wait_for_selector("svg.chart .night", state="attached")
    assert "night where you are" in page.inner_text("figcaption")
    one.look("send-forecast")
    page.fill("#hours", "1")
    page.click("button.primary")
    page.wait_for_url("**/campaigns/cmp_*")
    assert one.complaints == [] and one.violations == []


def test_reasons_of_a_retry_are_chosen_by_mouse(chromium: Browser, running: Running) -> None:
    # The first number does not exist, says the pretended carrier.
    body = {"name": "Retried", "text": "Hello", "recipients": [{"to": "+14155550001"}]}
    campaign = str(running.api.post("/v1/campaigns", json=body).json()["id"])
    running.wait_for_end(campaign)
    one = on_page(chromium, running, f"/campaigns/{campaign}")
    page = one.page
    one.look("failed")
    page.click("text=Choose what to send again …")
    one.look("retry")
    page.click("text=Send these again")
    page.wait_for_selector("text=Choose at least one reason.")
    page.check("input[type=checkbox]")
    page.click("text=Send these again")
    page.wait_for_selector("h2:has-text('Who did what')")
    assert "sent again what failed" in page.inner_text("main")
    assert running.wait_for_end(campaign)["counts"]["failed"] == 1
    assert one.violations == []
