"""The text, the hours and the last time of a campaign are changed from its page."""

from collections.abc import Callable

import pytest

from campaign.credits import Price
from campaign.instants import DAY, HOUR, moment_of
from campaign.model import DraftRecipient
from console.campaign_words import difference
from store.clock import wall_clock
from tests.console.browsing import Browser, Page
from tests.console.test_changes import cancel, view_of
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]
HOURS = {"window": "these", "since": "09:00", "until": "17:00", "days": "workdays"}
HOURS |= {"clock": "own", "zone": "Europe/Dublin", "end": "keep"}


async def created(api: Api, **members: object) -> str:
    """A campaign of three people with one text, which begins in an hour; returns its id."""
    people = [
        DraftRecipient(to=f"+141555511{n:02d}", fields={"name": name})
        for n, name in enumerate(("Ann", "Bob", "Zo"))
    ]
    values = {"text": "Hi {{name}}, see you", "scheduled_at": wall_clock() + HOUR, **members}
    draft = api.story.draft(0, 1_000, recipients=people, **values)
    return (await api.story.service.admit(draft)).campaign.id


async def asked(one: Browser, campaign_id: str, what: str, **fields: str) -> Page:
    """What the page says would follow from a change."""
    page = await one.get(f"/console/campaigns/{campaign_id}/change?what={what}")
    return await one.send(page.form("/change"), **fields)


def test_a_difference_in_price_is_said_in_words() -> None:
    assert difference(Price(3, 0)) == "It costs 3 credits more."
    assert difference(Price(-1, 0)) == "It costs 1 credit less."
    assert difference(Price(-2, 1)) == "It costs 1 credit more and 2 credits less."


def texts(api: Api, campaign_id: str) -> list[str]:
    return [one.text for one in api.story.store.campaigns.messages(campaign_id)]


async def test_another_text_is_shown_with_its_price_before_anybody_gets_it(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await created(api)
    page = await one.get(f"/console/campaigns/{campaign_id}/change?what=text")
    assert "Hi {{name}}, see you" in page.text
    new = "Dear {{name}}, we open at ten 😀" + " and more" * 8
    page = await asked(one, campaign_id, "text", text=new)
    assert page.status == 200 and "3 messages get the new text." in page.text
    assert "It costs the same." in page.text and "2 messages" in page.text
    assert "Dear Ann, we open at ten 😀" in page.text
    assert texts(api, campaign_id)[0] == "Hi Ann, see you"
    # A person who goes back finds what they wrote.
    again = await one.send(page.form("/change"), edit="yes")
    assert again.status == 200 and "Dear {{name}}, we open at ten" in again.text
    assert texts(api, campaign_id)[0] == "Hi Ann, see you"
    page = await one.send(page.form("/change"))
    assert "another text, of" in page.text and page.answer.url.path.endswith(campaign_id)
    assert texts(api, campaign_id) == [
        new.replace("{{name}}", name) for name in ("Ann", "Bob", "Zo")
    ]
    await cancel(api, campaign_id)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" ", "Write a text."),
        ("Hi {{name}}, see you", "Nothing is changed yet."),
        ("Hi {{nobody}}", "nobody"),
    ],
)
async def test_a_text_that_cannot_be_is_explained_and_kept_in_its_form(
    browser: Browsers, api: Api, text: str, says: str
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await created(api)
    page = await asked(one, campaign_id, "text", text=text)
    assert page.status == 400 and says in page.text and text.strip() in page.text
    assert texts(api, campaign_id)[0] == "Hi Ann, see you"
    await cancel(api, campaign_id)


async def test_texts_of_single_people_have_none_to_change(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    draft = api.story.draft(2, scheduled_at=wall_clock() + HOUR)
    campaign_id = (await api.story.service.admit(draft)).campaign.id
    page = await one.get(f"/console/campaigns/{campaign_id}/change?what=text")
    assert "a text of their own" in page.text and "Show what would follow" not in page.text
    await cancel(api, campaign_id)


async def test_of_two_who_edit_the_text_the_second_is_shown_the_first_ones(
    browser: Browsers, api: Api
) -> None:
    one, two = browser(), browser()
    await one.sign_in()
    await two.sign_in()
    campaign_id = await created(api)
    first = await asked(one, campaign_id, "text", text="The first")
    second = await asked(two, campaign_id, "text", text="The second")
    assert (await one.send(first.form("/change"))).status == 200
    page = await two.send(second.form("/change"))
    assert page.status == 409 and "The first" in page.text
    assert texts(api, campaign_id) == ["The first"] * 3
    await cancel(api, campaign_id)


async def test_hours_and_a_last_time_are_shown_and_then_kept_to(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await created(api)
    page = await asked(one, campaign_id, "limits", **HOURS)
    shown = "only between 09:00 and 17:00 by the clock of Europe/Dublin, Monday to Friday"
    assert f"It is sent {shown} instead of at any hour that the law allows." in page.text
    assert "It would end about" in page.text
    page = await one.send(page.form("/change"))
    assert page.status == 200 and shown in page.text
    window = view_of(api, campaign_id).sending_window
    assert window is not None and "Europe/Dublin" in window
    # Other hours keep the days and the clock that they had.
    others = {"window": "these", "since": "10:00", "until": "17:00", "days": "keep"}
    page = await asked(one, campaign_id, "limits", **others, clock="keep", end="keep")
    assert "only between 10:00 and 17:00 by the clock of Europe/Dublin, Monday" in page.text
    assert "Nothing leaves after" not in page.text.split("What would follow")[1]
    end = {"end": "at", "expires": "2027-01-05T09:00", "zone": "Europe/Dublin"}
    page = await asked(one, campaign_id, "limits", window="none", **end)
    assert "Nothing leaves after 5 Jan 2027 09:00 UTC" in page.text
    page = await one.send(page.form("/change"))
    assert "nothing leaves after 5 Jan 2027 09:00 UTC" in page.text
    view = view_of(api, campaign_id)
    assert view.sending_window is None and view.expires_at == 1_799_139_600_000
    await cancel(api, campaign_id)


async def test_a_last_time_says_how_many_get_nothing(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await created(api, spread_hours=3, scheduled_at=wall_clock() + DAY)
    view = view_of(api, campaign_id)
    due = [m.due_at for m in api.story.store.campaigns.messages(campaign_id)]
    for at, status, says in (
        (due[1], 200, "2 people get no message"),
        (due[0], 400, "would leave too late"),
        (due[0] - 2 * DAY, 400, "must be in the future"),
    ):
        written = minute(at)
        page = await asked(
            one, campaign_id, "limits", window="keep", end="at", expires=written, zone="UTC"
        )
        assert page.status == status and says in page.text, page.text
    assert view_of(api, campaign_id) == view
    await cancel(api, campaign_id)


def minute(at: int) -> str:
    """The minute of an instant, as a browser writes a local time."""
    return moment_of(at).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"window": "these", "end": "keep"}, "Give both hours"),
        ({**HOURS, "until": "08:00"}, "Give both hours"),
        ({"window": "keep", "end": "at"}, "Give a date and a time"),
        ({"window": "keep", "end": "keep"}, "Nothing is changed yet."),
    ],
)
async def test_limits_that_cannot_be_are_explained(
    browser: Browsers, api: Api, fields: dict[str, str], says: str
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await created(api)
    page = await asked(one, campaign_id, "limits", **{"end": "keep", **fields})
    assert page.status == 400 and says in page.text
    assert view_of(api, campaign_id).sending_window is None
    await cancel(api, campaign_id)
