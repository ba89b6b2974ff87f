"""The page of a person: a search, an opt-out, and an erasure with what stays."""

from collections.abc import Callable

import pytest

from campaign.handoffs import Inbound
from campaign.model import DraftRecipient
from service.inbound import keep_inbound
from store.clock import wall_clock
from tests.conftest import LONG_CODE, finish
from tests.console.browsing import ROLES, Browser, Page
from tests.console.test_campaigns import scheduled
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
PERSON = "+14155550190"
PATH = "/console/people?number=%2B14155550190"
NASTY = "<b>Hello</b> <script>alert(1)</script>\u202eabc"


def write(api: Api, body: str, id: str) -> None:
    """Bring a text of the person."""
    text = Inbound(PERSON, LONG_CODE, body, wall_clock(), id)
    assert keep_inbound(api.story.store, text, "pretend", wall_clock())


async def sent(api: Api, name: str, text: str = "Your visit is on Monday") -> str:
    """A campaign that the person got; returns its id."""
    recipients = [DraftRecipient(to=PERSON, text=text)]
    draft = api.story.draft(0, name=name, sender=LONG_CODE, recipients=recipients)
    campaign_id = (await api.story.service.admit(draft)).campaign.id
    await finish(api.story, campaign_id)
    return campaign_id


async def test_a_search_shows_messages_replies_and_the_evidence_of_an_opt_out(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    page = await one.get("/console/people")
    assert page.status == 200 and "Type a number with its country code" in page.text
    campaign_id = await sent(api, "Visits <b>x")
    page = await one.get("/console/people?number=%2B1%20415%20555%200190")
    assert "Your visit is on Monday" in page.text and page.offers(campaign_id)
    assert "Visits <b>x" in page.text and "This person has not written." in page.text
    assert page.offers("/people/opt-out")
    write(api, NASTY, "SM1")
    write(api, "STOP", "SM2")
    page = await one.get(PATH)
    assert "This person asked not to be texted" in page.text and not page.offers("/opt-out")
    assert f"opted out, by a text to {LONG_CODE}, through pretend" in page.text
    assert "“ STOP ”" in page.text and NASTY in page.text
    assert page.tags.count("script") == 1 and "b" not in page.tags
    assert len(page.answer.content) < 100_000


async def test_a_number_is_found_as_it_is_dialled_in_the_country_of_the_sender(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await sent(api, "Visits")
    page = await one.get("/console/people?number=(415)%20555-0190")
    assert page.status == 200 and page.offers(campaign_id)
    page = await one.get(f"/console/campaigns/{campaign_id}?number=415.555.0190")
    assert "Your visit is on Monday" in page.text
    page = await one.get(f"/console/campaigns/{campaign_id}?number=415.555.0191")
    assert "No recipient of this campaign matches." in page.text


@pytest.mark.parametrize("written", ["415 555", "<b>me</b>", "9" * 500])
async def test_what_is_no_number_is_explained_and_kept(browser: Browsers, written: str) -> None:
    one = browser()
    await one.sign_in()
    for path in ("/console/people", "/console/people/erase"):
        page = Page(await one.http.get(path, params={"number": written}))
        assert page.status == 400 and "is no phone number." in page.text
        assert "b" not in page.tags and ("input", "value", written) in page.attributes


async def test_an_opt_out_is_kept_with_who_did_it_and_needs_the_token(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    page = await one.get(PATH)
    assert (await one.post("/console/people/opt-out", number=PERSON)).status == 403
    assert not api.story.store.opt_outs.contains(api.story.account.id, PERSON)
    page = await one.send(page.form("/opt-out"))
    assert str(page.answer.url.path) == "/console/people" and "not to be texted" in page.text
    assert "This person is opted out (by a key of your account" in page.text
    assert api.story.store.opt_outs.contains(api.story.account.id, PERSON)


async def test_an_erasure_says_what_goes_and_what_stays_and_is_done(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    await sent(api, "Visits")
    later = await scheduled(api, "Later", 1, 190)
    write(api, "I am not well", "SM1")
    confirm = await one.get("/console/people/erase?number=%2B14155550190")
    assert "the text of 2 messages to this person" in confirm.text
    assert "1 reply" in confirm.text and "1 message that is waiting" in confirm.text
    assert "What stays" in confirm.text and "cannot be undone" in confirm.text
    assert (await one.post("/console/people/erase", number=PERSON)).status == 403
    page = await one.send(confirm.form("/erase"))
    assert page.status == 200 and "2 messages without number and text, 1 of them left" in page.text
    view = api.story.store.campaigns.get(later)
    assert view is not None
    await api.story.service.cancel(view)
    await finish(api.story, later)
    page = await one.get(PATH)
    assert "This person was erased" in page.text and "not well" not in page.text
    assert "No message to this number is known." in page.text and not page.offers("/opt-out")
    assert "0 messages" in (await one.send(confirm.form("/erase"))).text


async def test_a_viewer_sees_a_person_and_is_offered_nothing_else(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in(*ROLES["viewer"])
    page = await one.get(PATH)
    assert page.status == 200 and not any("erase" in link for link in page.links)
    assert [form.action for form in page.forms] == ["/console/sign-out", "/console/people"]


async def test_another_accounts_person_is_not_there(browser: Browsers, api: Api) -> None:
    await sent(api, "Visits")
    _, pair = api.story.store.accounts.create("other", 0)
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    page = await one.get(PATH)
    assert "No message to this number is known." in page.text and "Monday" not in page.text
