"""Send me a test, on the check step of a new campaign."""

from collections.abc import Callable

import pytest

from tests.conftest import finish
from tests.console.browsing import Browser
from tests.console.test_new_campaign import csv, new_draft, rows, upload
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def test_a_test_goes_to_own_numbers_and_says_what_went_to_whom(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    await upload(one, path, csv(rows(2)), country="US")
    form = (await one.get(f"{path}/check")).form("/test#test")
    written = "(415) 555-0190\n+1 415 555 0191, +14155550190"
    page = await one.send(form, to=written)
    assert page.status == 200 and "A test was sent." in page.text
    assert "to +14155550190:" in page.text and "to +14155550191:" in page.text
    assert page.text.count("Hi Person 0, your visit is on Tuesday.") == 2
    (view,) = api.story.store.campaigns.list(api.story.account.id)
    assert view.is_test and view.total == 2 and page.offers(view.id)
    # A second press of the same page sends nothing, the page after it can send another.
    assert "A test was sent." in (await one.send(form, to=written)).text
    await finish(api.story, view.id)
    assert sorted(str(sent["to"]) for sent in api.story.carrier.log) == [
        "+14155550190",
        "+14155550191",
    ]
    again = await one.send(page.form("/test#test"), to="+14155550190")
    views = api.story.store.campaigns.list(api.story.account.id)
    assert len(views) == 2 and again.offers(views[0].id)
    await finish(api.story, views[0].id)
    assert "a test to your own numbers" in (await one.get("/console/campaigns")).text
    # The campaign itself can still be sent.
    assert (await one.get(f"{path}/send")).offers("/send")


@pytest.mark.parametrize(
    ("to", "says"),
    [
        (" \n", "Give one to ten numbers"),
        ("\n".join(f"+1415555{n:04d}" for n in range(11)), "Give one to ten numbers"),
        ("+14155550190\n<b>me</b>", "“<b>me</b>” is no phone number."),
        ("9" * 900, "…” is no phone number."),
    ],
)
async def test_numbers_that_cannot_be_are_explained_and_kept(
    browser: Browsers, api: Api, to: str, says: str
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    await upload(one, path, csv(rows(1)))
    page = await one.send((await one.get(f"{path}/check")).form("/test#test"), to=to)
    assert page.status == 400 and says in page.text and "b" not in page.tags
    assert to.strip().splitlines()[0:1] == [] or to.strip().splitlines()[0] in page.text
    assert api.story.store.campaigns.list(api.story.account.id) == []


async def test_a_test_that_is_refused_or_of_somebody_else_shows_nothing(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one)
    assert str((await one.get(f"{path}/check?test=cmp_x")).answer.url.path) == f"{path}/recipients"
    await upload(one, path, csv(rows(1)))
    page = await one.get(f"{path}/check?test=cmp_x")
    assert page.status == 200 and "A test was sent." not in page.text
    form = page.form("/test#test")
    assert (await one.send(form, to="+14155550190", once="<x>")).status == 400
    assert api.story.store.campaigns.list(api.story.account.id) == []
