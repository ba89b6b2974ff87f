"""The account in a real browser on the whole stack: lists, replies, keys, webhooks, settings.

See test_browser.py for pictures of every page.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser

from tests.console.test_browser import (
    AXE,
    Visit,
    chromium,
    dirty_list,
    pytestmark,
    running,
    visit,
)
from tests.running import Running

__all__ = ["chromium", "pytestmark", "running"]
# What a page says when the policy of its content keeps something out.
REPORTS = """
    window.reports = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      window.reports.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
"""
PLACES = (
    "campaigns", "new", "lists", "people", "opt-outs", "replies", "credits", "settings", "senders",
    "keys", "webhooks", "installation", "stop",
)  # fmt: skip


def held(one: Visit) -> bool:
    """Whether a tour found no fault, as far as it looked: without axe-core, less."""
    assert one.complaints == []
    return one.violations == [] or not AXE.exists()


def test_a_list_is_filled_and_corrected_by_mouse(
    chromium: Browser, running: Running, tmp_path: Path
) -> None:
    one, file = visit(chromium, running), tmp_path / "visits.csv"
    page = one.page
    dirty_list(file, 300)
    one.sign_in(running)
    page.click("nav >> text=Lists")
    one.look("lists-empty")
    page.fill("#name", "Regulars <b>" + "x" * 60)
    page.click("text=Make it, then add people")
    one.look("list-empty")
    page.set_input_files("#file", file)
    page.select_option("#new-country", "US")
    page.click("text=Add to the list")
    page.wait_for_selector("h2:has-text('Rows with a fault')")
    one.look("list-faults")
    assert "4 rows have a fault" in page.inner_text("main")
    page.click("nav >> text=Lists")
    one.look("lists")
    page.click("table a")
    one.look("list")
    page.click("text=Delete this list")
    one.look("list-delete")
    page.click("text=Go back")
    assert held(one)


def test_a_reply_is_read_decided_about_and_answered_by_mouse(
    chromium: Browser, running: Running
) -> None:
    one, number = visit(chromium, running), "+14155550182"
    page, sender = one.page, running.get("/v1/senders")["senders"][0]["address"]
    for text in ("When is it? 💬 " + "<i>x</i>" * 20, "Don't stop the reminders, please"):
        said = {"from": number, "to": sender, "body": text, "at": datetime.now(UTC).isoformat()}
        assert running.api.post("/carriers/pretend/inbound", json=said).status_code == 202
    one.sign_in(running)
    page.click("nav >> text=Replies")
    page.wait_for_selector("text=2 unread")
    one.look("inbox")
    page.click(f"tr:has-text('{number}') >> td.text a")
    one.look("conversation-to-decide")
    page.click("text=No, they do not")
    page.wait_for_selector("text=Does this person ask you to stop?", state="detached")
    page.fill("#text", "On Monday at nine.")
    page.click("text=Send the answer")
    page.wait_for_selector(".ours:has-text('On Monday at nine.')")
    page.wait_for_selector("text=/· delivered/")
    one.look("conversation")
    assert [row["to"] for row in running.carrier_log()].count(number) == 1
    page.click("text=All replies")
    assert "unread" not in page.title()
    assert held(one)


def test_the_pages_of_the_account_hold_for_everybody(
    chromium: Browser, running: Running, tmp_path: Path
) -> None:
    one = visit(chromium, running)
    page = one.page
    one.sign_in(running)
    for place in ("senders", "settings", "opt-outs", "credits", "installation"):
        page.goto(f"{one.address}/{place}")
        one.look(f"account-{place}")
    page.goto(f"{one.address}/keys")
    page.check("#role-viewer")
    page.click("text=Make the key")
    page.wait_for_selector("text=Copy it now.")
    one.look("key")
    page.click("text=I have copied it")
    one.look("keys")
    page.click("td a:has-text('Revoke') >> nth=-1")
    one.look("key-revoke")
    page.goto(f"{one.address}/webhooks")
    page.fill("#url", "http://localhost:9/hooks")
    page.click("text=Add the webhook")
    page.click("text=I have copied it")
    page.click("text=Send a test")
    page.wait_for_selector("text=The test is")
    one.look("webhook")
    page.goto(f"{one.address}/webhooks")
    one.look("webhooks")
    page.goto(f"{one.address}/opt-outs")
    page.fill("#pasted", "+14155550183\nn/a")
    page.click("text=Opt these numbers out")
    page.wait_for_selector("text=1 added")
    one.look("opt-outs")
    with page.expect_download() as found:
        page.click("text=Download all")
    assert "+14155550183,file" in Path(found.value.path()).read_text("utf-8-sig")
    assert held(one)


def test_no_page_is_kept_from_anything_by_its_policy_and_all_read_without_scripts(
    chromium: Browser, running: Running
) -> None:
    one, plain = visit(chromium, running), visit(chromium, running, java_script_enabled=False)
    one.page.add_init_script(REPORTS)
    for person in (one, plain):
        person.sign_in(running)
    for place in PLACES:
        one.page.goto(f"{one.address}/{place}")
        assert one.page.evaluate("window.reports") == [], place
        plain.page.goto(f"{plain.address}/{place}")
        assert len(plain.page.inner_text("main")) > 50, place
        shown = plain.page.content()
        assert len(shown) < 100_000 and not re.search(r"\b(wave|chunk|hold)s?\b", shown), place
    # The listener works: what is not ours is kept out, and reported.
    one.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://a.invalid'}))")
    one.page.wait_for_function("window.reports.length == 1")
    assert all("a.invalid" in text for text in one.complaints)
