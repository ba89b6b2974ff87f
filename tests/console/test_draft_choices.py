"""What a new campaign is, when it may leave, with which picture, and to which mailing list."""

from collections.abc import Callable

import pytest

from campaign.expanding import Member
from store.clock import wall_clock
from tests.conftest import finish
from tests.console.browsing import Browser
from tests.console.test_new_campaign import csv, new_draft, rows, upload
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
AHEAD = {"when": "at", "at": "2027-01-05T09:00", "zone": "Europe/Dublin"}


async def write(one: Browser, path: str, **fields: str) -> int:
    """Send the form of the first step; returns the status of what follows."""
    form = (await one.get(f"{path}/write")).form("/write")
    for box in ("shorten", "smart"):
        form.fields.pop(box)
    return (await one.send(form, text="Hello {{First name}}", **fields)).status


async def test_purpose_hours_and_end_are_kept_and_sent_with_the_campaign(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    fields = {"purpose": "marketing", "since": "09:00", "until": "20:00", "days": "workdays"}
    fields |= {"clock": "own", "zone": "Europe/Dublin", "expires": "2027-01-06T18:00"}
    assert await write(one, path, **fields) == 200
    again = (await one.get(f"{path}/write")).form("/write").fields
    kept = ("since", "until", "zone", "expires")
    assert {name: again[name] for name in kept} == {name: fields[name] for name in kept}
    await upload(one, path, csv(rows(3)))
    assert "3 people · 3 messages" in (await one.get(f"{path}/check")).text
    page = await one.send((await one.get(f"{path}/send")).form("/send"), hours="2", **AHEAD)
    (view,) = api.story.store.campaigns.list(api.story.account.id)
    assert str(page.answer.url.path) == f"/console/campaigns/{view.id}"
    assert view.purpose == "marketing" and view.expires_at == 1_799_258_400_000
    assert view.sending_window is not None and "Europe/Dublin" in view.sending_window
    assert '"sat"' not in view.sending_window and '"from": "09:00"' in view.sending_window
    await api.story.service.cancel(view)
    await finish(api.story, view.id)


async def test_the_last_step_says_the_hours_that_the_first_one_set(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    hours = {"since": "09:00", "until": "17:00", "days": "workdays"}
    for fields, says in (
        ({}, "It is sent at any hour that the law allows."),
        (hours, "only between 09:00 and 17:00 where each person lives, Monday to Friday."),
    ):
        await write(one, path, **fields)
        await upload(one, path, csv(rows(3)))
        await one.get(f"{path}/check")
        page = await one.get(f"{path}/send")
        assert says in page.text and page.offers(f"{path}/write#hours")
    await one.send(page.form("/send"), **AHEAD)
    (view,) = api.story.store.campaigns.list(api.story.account.id)
    assert says in (await one.get(f"/console/campaigns/{view.id}")).text
    await api.story.service.cancel(view)
    await finish(api.story, view.id)


async def test_quotes_of_the_list_are_made_plain_where_the_first_step_says_so(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    table = [("+14155551100", "Dr. O’Neill " + "of the clinic " * 6, "Monday")]
    for fields, messages in (({}, "2 messages"), ({"smart": "1"}, "1 message")):
        await write(one, path, **fields)
        await upload(one, path, csv(table))
        page = await one.get(f"{path}/check")
        assert f"1 person · {messages}" in page.text
        assert page.offers(f"{path}/write#smart") == ("smart" not in fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"since": "09:00"}, "Give both hours"),
        ({"since": "20:00", "until": "09:00"}, "Give both hours"),
        ({"since": "09:00", "until": "20:00", "clock": "own", "zone": "Mars"}, "Give both hours"),
        ({"expires": "soon"}, "Give a date and a time"),
        ({"expires": "2027-03-28T01:30", "zone": "Europe/Dublin"}, "does not exist there"),
    ],
)
async def test_hours_that_cannot_be_are_explained_and_lead_back_to_their_step(
    browser: Browsers, fields: dict[str, str], says: str
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(3)))
    form = (await one.get(f"{path}/write")).form("/write")
    page = await one.send(form, text="Hello", **fields)
    assert page.status == 400 and says in page.text
    for step in ("recipients", "check", "send", "rejects.csv"):
        assert str((await one.get(f"{path}/{step}")).answer.url.path) == f"{path}/write"


async def test_an_end_that_has_passed_is_explained_on_the_check(browser: Browsers) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(3)))
    await write(one, path, expires="2020-01-01T09:00", zone="UTC")
    page = await one.get(f"{path}/check")
    assert "The time after which nothing leaves must be in the future." in page.text


async def test_a_picture_makes_it_an_mms_and_a_bad_address_is_explained(browser: Browsers) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(3)))
    await write(one, path, media="https://example.com/a.png?b=1&c=2")
    page = await one.get(f"{path}/check")
    assert (
        "with the picture https://example.com/a.png?b=1&c=2" in page.text and "b" not in page.tags
    )
    assert "3 people · 3 messages" in page.text
    assert await write(one, path, media="javascript:alert(1)") == 400
    assert await write(one, path, media="https://example.com/a.png", sender="SHOP") == 400


async def test_a_mailing_list_is_chosen_and_its_members_get_it(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    store, account_id = api.story.store, api.story.account.id
    path = await new_draft(one, "Hello {{First name}}")
    assert not (await one.get(f"{path}/recipients")).offers("/list")
    guests = store.lists.create(account_id, "lst_guests", "Guests <b>", wall_clock())
    empty = store.lists.create(account_id, "lst_empty", "Nobody", wall_clock())
    members = [Member(f"+1415555{1_500 + n}", {"First name": f"Ann {n}"}) for n in range(4)]
    store.lists.add(account_id, guests.id, members, wall_clock())
    await upload(one, path, csv(rows(2)))
    page = await one.get(f"{path}/recipients")
    page = await one.send(page.form("/list"), list=guests.id)
    assert "The mailing list: Guests <b>" in page.text and "4 people are on it now" in page.text
    assert "b" not in page.tags and not page.offers("/columns")
    assert "Insert First name" in (await one.get(f"{path}/write")).text
    page = await one.get(f"{path}/check")
    assert "4 people · 4 messages" in page.text and "Hello Ann 0" in page.text
    page = await one.send((await one.get(f"{path}/send")).form("/send"), when="now", at="")
    campaign_id = str(page.answer.url.path).rpartition("/")[2]
    await finish(api.story, campaign_id)
    assert len(api.story.carrier.log) == 4
    # Another draft: a list without members, one that is gone, and a file instead of it.
    path = await new_draft(one, "Hello", "Second")
    page = await one.send((await one.get(f"{path}/recipients")).form("/list"), list=empty.id)
    assert "Nobody is on the mailing list." in (await one.get(f"{path}/check")).text
    page = await one.send((await one.get(f"{path}/recipients")).form("/list"), list="lst_none")
    assert page.status == 400
    store.lists.delete(account_id, empty.id)
    page = await one.get(f"{path}/recipients")
    assert page.status == 200 and "The mailing list:" not in page.text
    assert "The mailing list is gone." in (await one.get(f"{path}/check")).text
    page = await upload(one, path, csv(rows(2)))
    assert "2 rows: 2 good." in page.text


async def test_when_they_would_leave_is_shown_before_anything_is_sent(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(5)))
    await one.get(f"{path}/check")
    form = (await one.get(f"{path}/send")).form("/send")
    page = await one.send(form, look="1", hours="2", **AHEAD)
    assert page.status == 200 and "The first leaves 5 Jan 2027 09:00 UTC" in page.text
    assert "the last 5 Jan 2027 10:36 UTC" in page.text and "svg" in page.tags
    assert page.form("/send").fields["hours"] == "2"
    assert api.story.store.campaigns.list(api.story.account.id) == []
    assert (await one.send(form, look="1", hours="9999", when="now")).status == 400


async def test_a_few_go_first_and_the_form_says_what_is_wrong_with_them(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    path = await new_draft(one, "Hello {{First name}}")
    await upload(one, path, csv(rows(5)))
    await one.get(f"{path}/check")
    form = (await one.get(f"{path}/send")).form("/send")
    assert (form.fields["wait"], form.fields["most"]) == ("5", "10")
    for fields, says in (
        ({"first": "many"}, "Give how many go first"),
        ({"first": "0"}, "Give how many go first"),
        ({"first": "2", "wait": "0"}, "Give the minutes to wait"),
        ({"first": "2", "most": "100"}, "Give the percentage"),
    ):
        page = await one.send(form, when="now", at="", **fields)
        assert page.status == 400 and says in page.text
    await one.send(form, first="40%", wait="2", most="20", **AHEAD)
    (view,) = api.story.store.campaigns.list(api.story.account.id)
    assert view.canary is not None and '"40%"' in view.canary and "120" in view.canary
    await api.story.service.cancel(view)
    await finish(api.story, view.id)
