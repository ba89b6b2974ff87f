"""The page of a campaign hears of changes, and its report says what it came to."""

from collections.abc import Callable

import pytest

from campaign.instants import MINUTE
from service.campaign_watches import CampaignWatches
from store.clock import wall_clock
from tests.conftest import finish
from tests.console.browsing import Browser
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


def live(page_attributes: list[tuple[str, str, str]]) -> dict[str, str]:
    """The attributes of the part of a page that changes by itself."""
    return {name: value for _, name, value in page_attributes if name.startswith("data-")}


async def test_the_events_of_a_campaign_begin_after_what_the_page_showed(
    browser: Browsers, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = browser()
    await one.sign_in("read:Campaigns")
    draft = api.story.draft(3, name="Shipped", scheduled_at=wall_clock() + MINUTE)
    campaign_id = (await api.story.service.admit(draft)).campaign.id
    path = f"/console/campaigns/{campaign_id}"
    shown = live((await one.get(path)).attributes)
    assert shown["data-announce"] == "waiting for its time, 0 % out"
    view = api.story.store.campaigns.get(campaign_id)
    assert view is not None
    await api.story.service.cancel(view)
    await finish(api.story, campaign_id)
    # It ended after the page was made, so there is one event, and then the stream ends.
    answer = await one.http.get(shown["data-events"])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.count("event: campaign") == 1 and answer.status_code == 200
    last = next(line[4:] for line in answer.text.splitlines() if line.startswith("id: "))
    again = await one.http.get(f"{path}/events?seen={last}")
    assert again.status_code == 204
    assert "data-poll" not in live((await one.get(path)).attributes)
    monkeypatch.setattr(CampaignWatches, "has_room", lambda *_: False)
    assert (await one.http.get(f"{path}/events")).status_code == 429
    assert (
        (await browser().http.get(f"{path}/events")).headers["content-type"].startswith("text/html")
    )


async def test_a_report_has_every_count_and_nothing_to_press(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in("read:Campaigns")
    draft = api.story.draft(8, name="Shipped <b>today</b>")
    draft.recipients[0] = draft.recipients[1].__class__(to="+14155550001", text="Hello")
    campaign_id = (await api.story.service.admit(draft)).campaign.id
    await finish(api.story, campaign_id)
    path = f"/console/campaigns/{campaign_id}"
    assert (await one.get(path)).offers("/report")
    page = await one.get(f"{path}/report")
    assert page.status == 200 and "Shipped <b>today</b>" in page.text and "b" not in page.tags
    assert "could not be sent 1 12 %" in page.text and "all 8 100 %" in page.text
    assert "This number does not exist." in page.text and "Credits spent 14 for texts" in page.text
    assert [form.action for form in page.forms] == ["/console/sign-out"]
    assert (await browser().get(f"{path}/report")).offers("/console/sign-in")
