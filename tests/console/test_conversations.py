"""One conversation: read, answered once, and decided about."""

import asyncio
from collections.abc import Callable

import pytest

from console.people_words import count_unread
from store.replies.inbound import InboundFilter
from tests.conftest import LONG_CODE, finish
from tests.console.browsing import ROLES, Browser
from tests.console.test_people import NASTY, PERSON, sent, write
from tests.console.test_replies import UNSURE, bring
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
QUERY = "writer=%2B14155550190&number=%2B18005559876"


async def opened(one: Browser) -> str:
    """The path of the one conversation, from the list of replies."""
    page = await one.get("/console/replies")
    return next(link for link in page.links if "/replies/with?" in link)


async def test_a_text_is_unread_until_somebody_who_may_answer_opens_it(
    browser: Browsers, api: Api
) -> None:
    viewer, one = browser(), browser()
    await viewer.sign_in(*ROLES["viewer"])
    await one.sign_in(*ROLES["sender"])
    await sent(api, "Visits <b>x")
    bring(api, NASTY, 1)
    path = await opened(viewer)
    page = await viewer.get(path)
    assert NASTY in page.text and "Your visit is on Monday" in page.text and "b" not in page.tags
    assert [form.action for form in page.forms] == ["/console/sign-out"]
    assert "1 unread" in (await viewer.get("/console/replies")).text
    page = await one.get(path)
    assert page.offers("/replies/answer") and not page.offers("/replies/decide")
    listed = await one.get("/console/replies")
    assert "unread" not in listed.text.replace("unread ones", "")
    assert "Everything is read." in (await one.get("/console/replies?show=unread")).text
    page = await one.send(page.form("/replies/unread"))
    assert "1 unread" in page.text
    assert (await one.get("/console/replies/with?writer=%2B14155550199&number=x")).status == 404


async def test_an_answer_leaves_once_from_the_number_that_was_written_to(
    browser: Browsers, api: Api
) -> None:
    one, story = browser(), api.story
    await one.sign_in()
    bring(api, "When is it?", 1)
    page = await one.get(await opened(one))
    form = page.form("/replies/answer")
    blank = await one.send(form, text=" \n ")
    assert blank.status == 400 and "Write an answer." in blank.text
    pages = await asyncio.gather(*(one.send(form, text="At {{nine}}, <b>x") for _ in range(2)))
    assert [page.status for page in pages] == [200, 200]
    (view,) = story.store.campaigns.list(story.account.id)
    assert (view.name, view.purpose, view.total) == ("Answer", "transactional", 1)
    listed = await one.get("/console/campaigns")
    assert not listed.offers(view.id) and "No campaigns here yet." in listed.text
    for kind in ("answers", "all"):
        assert (await one.get(f"/console/campaigns?kind={kind}")).offers(view.id)
    await finish(story, view.id)
    assert [(row["from"], row["to"]) for row in story.carrier.log] == [(LONG_CODE, PERSON)]
    page = await one.get(await opened(one))
    assert "At {{nine}}, <b>x" in page.text and "You," in page.text and page.offers(view.id)
    again = await one.send(page.form("/replies/answer"), text="At ten")
    assert again.status == 200 and len(story.store.campaigns.list(story.account.id)) == 2
    long = await one.send(page.form("/replies/answer"), text="x" * 2_000)
    assert long.status == 400 and "The text is too long. Shorten it." in long.text
    assert "x" * 2_000 in long.text


async def test_who_opted_out_cannot_be_answered(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    bring(api, "Hello", 1)
    form = (await one.get(await opened(one))).form("/replies/answer")
    write(api, "STOP", "SM9")
    page = await one.get(await opened(one))
    assert "asked not to be texted" in page.text and not page.offers("/replies/answer")
    # A page that was open before sends nothing either.
    await one.send(form, text="Sorry")
    for view in api.story.store.campaigns.list(api.story.account.id):
        await finish(api.story, view.id)
    assert api.story.carrier.log == []


@pytest.mark.parametrize("choice", ["yes", "no"])
async def test_a_person_decides_whether_a_text_asks_to_stop(
    browser: Browsers, api: Api, choice: str
) -> None:
    one, store, account = browser(), api.story.store, api.story.account.id
    await one.sign_in()
    assert bring(api, UNSURE, 1)
    page = await one.get(await opened(one))
    assert "Does this person ask you to stop?" in page.text
    page = await one.send(page.form("/replies/decide"), stop=choice)
    assert page.status == 200 and not page.offers("/replies/decide")
    assert store.inbound.list(account, InboundFilter(needs_review=True)) == []
    assert store.opt_outs.contains(account, PERSON) is (choice == "yes")
    if choice == "yes":
        (event,) = store.opt_outs.history(account, PERSON)
        assert event.evidence.text == UNSURE and event.evidence.source == "inbound"


async def test_a_text_that_came_after_the_page_was_read_is_not_decided_about(
    browser: Browsers, api: Api
) -> None:
    one, store, account = browser(), api.story.store, api.story.account.id
    await one.sign_in()
    assert bring(api, UNSURE, 1)
    page = await one.get(await opened(one))
    assert bring(api, f"{UNSURE} now", 2)
    page = await one.send(page.form("/replies/decide"), stop="no")
    assert page.offers("/replies/decide")
    (text,) = store.inbound.list(account, InboundFilter(needs_review=True))
    assert text.body == f"{UNSURE} now"
    await one.send(page.form("/replies/decide"), stop="no", seen="rpl_none")
    assert store.inbound.list(account, InboundFilter(needs_review=True)) == [text]


async def test_a_key_for_tests_marks_nothing_and_answers_in_the_sandbox(
    browser: Browsers, api: Api
) -> None:
    one, store = browser(), api.story.store
    bring(api, "Hello", 1)
    pair = store.api_keys.create(api.story.account.id, 0, ["*"], True)
    form = (await one.get("/console/sign-in")).form("/sign-in")
    await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    page = await one.get(await opened(one))
    assert store.conversations.unread(api.story.account.id) == 1
    assert "With your key for tests nothing reaches a phone." in page.text
    assert not page.offers("/replies/unread")
    await one.send(page.form("/replies/answer"), text="Hi")
    (view,) = store.campaigns.list(api.story.account.id)
    assert view.sandbox


async def test_every_page_says_how_many_texts_are_unread_to_those_who_may_read_them(
    browser: Browsers, api: Api
) -> None:
    one, blind = browser(), browser()
    await one.sign_in()
    pair = api.key("create:BatchSMS")
    form = (await blind.get("/console/sign-in")).form("/sign-in")
    await blind.send(form, keyId=pair.key_id, keySecret=pair.secret)
    assert "unread" not in (await one.get("/console/credits")).text
    bring(api, "When is it?", 1)
    bring(api, "Are you there?", 2)
    assert "Replies 2 unread Credits" in (await one.get("/console/credits")).text
    assert "unread" not in (await blind.get("/console/new")).text
    # The page that marks them as read counts them no more.
    assert "Replies Credits" in (await one.get(await opened(one))).text


def test_many_unread_texts_are_not_counted_to_the_end() -> None:
    assert [count_unread(count) for count in (1, 999, 1_000)] == ["1", "999", "999+"]
