"""A campaign is changed from its page, after what would follow was shown, and by one at a time."""

import asyncio
from collections.abc import Callable

import pytest

from campaign.instants import HOUR, MINUTE
from campaign.rates import campaign_scope
from campaign.views import CampaignView
from store.clock import wall_clock
from tests.conftest import finish
from tests.console.browsing import Browser, Page
from tests.console.test_campaigns import scheduled
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


def view_of(api: Api, campaign_id: str) -> CampaignView:
    found = api.story.store.campaigns.get(campaign_id)
    assert found is not None
    return found


async def cancel(api: Api, campaign_id: str) -> None:
    await api.story.service.cancel(view_of(api, campaign_id))
    await finish(api.story, campaign_id)


async def asked(one: Browser, campaign_id: str, **fields: str) -> Page:
    """What the page says would follow from a change."""
    form = (await one.get(f"/console/campaigns/{campaign_id}/change")).form("/change")
    fields = {"when": "keep", **fields}
    return await one.send(form, **fields)


async def test_what_would_follow_is_shown_before_a_change_is_made(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await scheduled(api)
    before = view_of(api, campaign_id)
    assert (await one.get(f"/console/campaigns/{campaign_id}")).offers("/change")
    page = await asked(one, campaign_id, hours="3", rate="30")
    assert page.status == 200 and "It is sent over 3 hours instead of as fast as" in page.text
    assert "It sends at most 30 a minute instead of no limit." in page.text
    assert "It would end about" in page.text and "without the change" in page.text
    assert view_of(api, campaign_id) == before
    page = await one.send(page.form("/change"))
    assert str(page.answer.url.path) == f"/console/campaigns/{campaign_id}"
    view = view_of(api, campaign_id)
    assert (view.spread_hours, view.facts.rate) == (3.0, 0.5)
    assert "changed by the key AK" in page.text and ": over 3 hours" in page.text
    assert "changed the rate by the key AK" in page.text and ": at most 30 a minute" in page.text
    at = {"when": "at", "at": "2027-01-05T09:00", "zone": "Europe/Dublin"}
    page = await asked(one, campaign_id, **at)
    assert "It begins 5 Jan 2027 09:00 UTC instead of" in page.text
    assert (await one.send(page.form("/change"))).status == 200
    assert view_of(api, campaign_id).scheduled_at == 1_799_139_600_000
    await cancel(api, campaign_id)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Nothing is changed yet."),
        ({"hours": "many"}, "Give the hours as a number"),
        ({"hours": "nan"}, "Give the hours as a number"),
        ({"hours": "5000"}, "must be from 0 to 336 hours"),
        ({"rate": "0"}, "Give the messages a minute"),
        ({"rate": "1e99"}, "Give the messages a minute"),
        ({"when": "at", "at": ""}, "Give a date and a time"),
        ({"when": "at", "at": "2126-01-05T09:00"}, "days in the future"),
        ({"hours": "1", "rate": "1"}, "The plan does not fit: it needs"),
    ],
)
async def test_a_change_that_cannot_be_is_explained_and_its_fields_are_kept(
    browser: Browsers, api: Api, fields: dict[str, str], says: str
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await scheduled(api, count=70)
    page = await asked(one, campaign_id, **fields)
    assert page.status == 400 and says in page.text and page.offers("/change")
    form = page.form("/change")
    assert {name: form.fields[name] for name in fields if name != "when"} == {
        name: value for name, value in fields.items() if name != "when"
    }
    view = view_of(api, campaign_id)
    assert (view.spread_hours, view.facts.rate) == (0.0, None)
    await cancel(api, campaign_id)


async def test_of_two_who_change_a_campaign_the_second_is_told_and_changes_nothing(
    browser: Browsers, api: Api
) -> None:
    one, two = browser(), browser()
    await one.sign_in()
    await two.sign_in()
    campaign_id = await scheduled(api)
    first = await asked(one, campaign_id, hours="3")
    second = await asked(two, campaign_id, hours="5", rate="60")
    assert (await one.send(first.form("/change"))).status == 200
    page = await two.send(second.form("/change"))
    assert page.status == 409
    assert (
        "Somebody has changed this campaign meanwhile, and nothing of yours was done" in page.text
    )
    view = view_of(api, campaign_id)
    assert (view.spread_hours, view.facts.rate) == (3.0, None)
    # It shows how the campaign stands now.
    assert page.form("/change").fields["hours"] == "3"
    await cancel(api, campaign_id)


async def test_of_two_who_press_at_once_no_change_is_half_done(browser: Browsers, api: Api) -> None:
    one, two = browser(), browser()
    await one.sign_in()
    await two.sign_in()
    campaign_id = await scheduled(api)
    first = await asked(one, campaign_id, hours="3")
    second = await asked(two, campaign_id, hours="5")
    pages = await asyncio.gather(one.send(first.form("/change")), two.send(second.form("/change")))
    assert {page.status for page in pages} <= {200, 409}
    assert any(page.status == 200 for page in pages)
    assert view_of(api, campaign_id).spread_hours in (3.0, 5.0)
    await cancel(api, campaign_id)


async def test_once_it_has_begun_only_the_rate_can_change_and_after_its_end_nothing(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = (await api.story.service.admit(api.story.draft(3, spread_hours=5))).campaign.id
    while view_of(api, campaign_id).started_at is None:
        await asyncio.sleep(0.02)
    page = await one.get(f"/console/campaigns/{campaign_id}/change")
    assert "It has begun" in page.text and page.form("/change").fields.keys() == {
        "token", "seen", "rate",
    }  # fmt: skip
    page = await asked(one, campaign_id, rate="600")
    assert "It sends at most 600 a minute" in page.text
    assert (await one.send(page.form("/change"))).status == 200
    assert api.story.store.rates.rates()[campaign_scope(campaign_id)] == 10
    form = (await one.get(f"/console/campaigns/{campaign_id}/change")).form("/change")
    page = await one.send(form, hours="1", when="now")
    assert page.status == 409 and "has moved on" in page.text
    await cancel(api, campaign_id)
    page = await one.get(f"/console/campaigns/{campaign_id}/change")
    assert "Nothing of it waits any more" in page.text and not page.offers("/change")
    assert not (await one.get(f"/console/campaigns/{campaign_id}")).offers("/change")
    assert (await one.post(f"/console/campaigns/{campaign_id}/change", **form.fields)).status == 409


async def test_a_paused_campaign_would_end_later_by_what_it_loses(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await scheduled(api)
    await api.story.service.pause(view_of(api, campaign_id))
    page = await asked(one, campaign_id, hours="2")
    assert "If it is resumed now, it would end about" in page.text
    assert (await one.send(page.form("/change"))).status == 200
    view = view_of(api, campaign_id)
    assert view.spread_hours == 2 and view.status == "paused"
    assert abs(view.base_at - wall_clock() - HOUR) < 10 * MINUTE
    await cancel(api, campaign_id)
