"""The list of texts that people sent."""

from collections.abc import Callable

import pytest

from campaign.handoffs import Inbound
from campaign.instants import MINUTE
from console.positions import read_position, write_position
from store.clock import wall_clock
from tests.conftest import LONG_CODE
from tests.console.browsing import Browser
from tests.console.test_people import NASTY, PERSON, sent
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
UNSURE = "don't stop"


def bring(api: Api, body: str, index: int = 0, writer: str = PERSON) -> bool:
    """Bring a text, the later the higher its index; whether it is left to a person to decide."""
    now = wall_clock()
    text = Inbound(writer, LONG_CODE, body, now - MINUTE + index, f"SM{writer}{index}")
    (message,) = api.story.store.inbound.take(text, "pretend", now).messages
    return message.needs_review


async def test_an_empty_list_teaches_and_a_reply_leads_to_its_person_and_campaign(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    page = await one.get("/console/replies")
    assert page.status == 200 and "No replies yet. When somebody answers" in page.text
    campaign_id = await sent(api, "Visits <b>x")
    assert not bring(api, NASTY, 1)
    assert not bring(api, "Good day", 2, "SHORT<b>")
    page = await one.get("/console/replies")
    assert page.offers("/console/people?number=%2B14155550190") and page.offers(campaign_id)
    assert NASTY in page.text and "Visits <b>x" in page.text and "SHORT<b>" in page.text
    assert "nothing that we know of" in page.text
    assert page.tags.count("script") == 1 and "b" not in page.tags
    shown = await one.get(f"/console/campaigns/{campaign_id}")
    link = next(link for link in shown.links if "/replies?campaign=" in link)
    page = await one.get(link)
    assert "Answers to Visits <b>x" in page.text and "Good day" not in page.text
    page = await one.get("/console/replies?number=%2B1%20415%20555%200190")
    assert NASTY in page.text and "Good day" not in page.text
    api.story.store.eraser.erase(api.story.account.id, PERSON, wall_clock())
    assert "an erased person" in (await one.get("/console/replies")).text


async def test_what_a_person_has_to_decide_about_is_found(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    assert "Nothing to decide about here." in (await one.get("/console/replies?show=review")).text
    bring(api, "See you on Monday", 1)
    assert bring(api, UNSURE, 2)
    page = await one.get("/console/replies?show=review")
    assert UNSURE in page.text and "Monday" not in page.text
    assert "To decide: does this ask you to stop?" in page.text


async def test_pages_of_replies_hold_fifty_newest_first(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    for index in range(51):
        bring(api, f"Text {index:02d}", index)
    page = await one.get("/console/replies?number=%2B14155550190")
    assert page.text.index("Text 50") < page.text.index("Text 01") and "Text 00" not in page.text
    older = next(link for link in page.links if "before=" in link)
    page = await one.get(older)
    assert "Text 00" in page.text and "Text 01" not in page.text
    newest = next(link for link in page.links if link.startswith("/console/replies?show"))
    assert "Text 50" in (await one.get(newest)).text
    for wrong in ("x", "-1:y", "1" * 40 + ":x", "1:%00"):
        assert (await one.get(f"/console/replies?before={wrong}")).status == 200


async def test_another_accounts_replies_are_not_there(browser: Browsers, api: Api) -> None:
    campaign_id = await sent(api, "Visits")
    bring(api, "A secret")
    _, pair = api.story.store.accounts.create("other", 0)
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    for query in ("", f"?campaign={campaign_id}"):
        page = await one.get(f"/console/replies{query}")
        assert page.status == 200 and "secret" not in page.text and "Visits" not in page.text


def test_a_position_is_read_as_it_was_written() -> None:
    assert read_position(write_position(12, "a:b")) == (12, "a:b")
    assert read_position(None) is None and read_position("x:y") is None
