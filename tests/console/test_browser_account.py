"""The account in a real browser on the whole stack: lists, replies, keys, webhooks, settings.

See test_browser.py for pictures of every page.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import Browser

from tests.console.actions import ACTIONS, FILES, OPTED_OUT, WRITER
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
# Pages that are more than the path of their route.
MORE = {
    "change text": "/console/campaigns/{id}/change?what=text",
    "change limits": "/console/campaigns/{id}/change?what=limits",
    "unknown ones": "/console/campaigns/{id}?status=unknown",
    "nobody": "/console/people",
    "no page": "/console/nothing",
    "no campaign": "/console/campaigns/cmp_nothing",
    "a wrong number": "/console/people?number=nobody",
}
FAULTY = ("no page", "no campaign", "a wrong number")


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
    page.click("nav >> text=Campaigns")
    assert page.locator("h2:has-text('Answer')").count() == 0
    page.select_option("#kind", "answers")
    page.click(".filter button")
    page.wait_for_selector("h2:has-text('Answer')")
    one.look("answers")
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
    page.fill("#name", "Reception <b>" + "x" * 80)
    page.check("#role-viewer")
    page.click("text=Make the key")
    page.wait_for_selector("text=Copy it now.")
    one.look("key")
    page.click("text=I have copied it")
    assert "Reception <b>x" in page.inner_text("table")
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


def one_of_each(running: Running) -> dict[str, str]:
    """The id of one of each thing that a page is about, but for a draft."""

    def made(path: str, **body: object) -> str:
        answer = running.api.post(path, json=body)
        assert answer.is_success, answer.text
        return str(answer.json().get("id"))

    running.api.post("/v1/opt-outs", json={"number": unquote(OPTED_OUT)})
    sender = running.get("/v1/senders")["senders"][0]["address"]
    now = datetime.now(UTC)
    said = {"from": unquote(WRITER), "to": sender, "body": "When is it?", "at": now.isoformat()}
    assert running.api.post("/carriers/pretend/inbound", json=said).status_code == 202
    people = [{"to": f"+1415555{number}"} for number in range(1_600, 1_660)]
    return {
        "id": made(
            "/v1/campaigns",
            name="<i>Visits</i> " + "x" * 180,
            text="Your visit is on Monday.",
            recipients=people,
            scheduleDateTime=(now + timedelta(hours=3)).isoformat(),
            spreadHours=1,
        ),
        "list": made("/v1/mailing-lists", name="<i>Guests</i>"),
        "webhook": made("/v1/webhooks", url="https://example.com/hooks", events=["*"]),
        "key": running.description["account"]["keyId"],
    }


def draft_of(one: Visit) -> str:
    """Write a draft with a fault in its list and check it; returns its id."""
    page = one.page
    page.goto(f"{one.address}/new")
    page.click("text=Start a new one")
    page.fill("#text", "Hello from the tour")
    page.click("text=Save and continue")
    page.fill("#pasted", "+14155550160\nn/a")
    page.click("text=Read the list")
    page.click("text=/Leave these 1 out/")
    page.wait_for_selector("text=What they get")
    return page.url.split("/")[-2]


def test_every_page_keeps_its_policy_and_the_rules_of_axe_and_reads_without_scripts(
    chromium: Browser, running: Running
) -> None:
    one, plain = visit(chromium, running), visit(chromium, running, java_script_enabled=False)
    one.page.add_init_script(REPORTS)
    for person in (one, plain):
        person.sign_in(running)
    ids = {**one_of_each(running), "draft": draft_of(one)}
    pages = {
        name: path
        for name, (method, path) in ACTIONS.items()
        if method == "GET" and name not in FILES
    }
    for name, path in {**pages, **MORE, "sign in": "/console/sign-in"}.items():
        address = one.address.removesuffix("/console") + path.format(**ids)
        answer = one.page.goto(address)
        assert answer is not None and answer.ok != (name in FAULTY), name
        one.look(f"tour-{name.replace(' ', '-')}")
        assert one.page.evaluate("window.reports") == [], name
        plain.page.goto(address)
        assert len(plain.page.inner_text("main")) > 50, name
        shown = plain.page.content()
        assert len(shown) < 100_000 and not re.search(r"\b(wave|chunk|hold)s?\b", shown), name
    # A page that answers with an error is heard as one; nothing else is.
    assert all("Failed to load resource" in text for text in one.complaints)
    assert len(one.complaints) == len(FAULTY)
    one.complaints.clear()
    # The listener works: what is not ours is kept out, and reported.
    one.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://a.invalid'}))")
    one.page.wait_for_function("window.reports.length == 1")
    assert one.complaints and all("a.invalid" in text for text in one.complaints)
    one.complaints.clear()
    assert held(one)
