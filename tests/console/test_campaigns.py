"""The list of campaigns, the page of one, and what can be done from them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from campaign.instants import HOUR
from campaign.states import CampaignStatus
from console import campaign_words
from store.clock import wall_clock
from tests.conftest import finish
from tests.console.browsing import Browser
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


async def scheduled(api: Api, name: str = "Spring sale", count: int = 3, first: int = 1_000) -> str:
    """A campaign that begins in an hour; returns its id."""
    story = api.story
    draft = story.draft(count, first, name=name, scheduled_at=wall_clock() + HOUR)
    return (await story.service.admit(draft)).campaign.id


async def test_an_empty_list_teaches_and_a_full_one_is_filtered(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    assert "No campaigns here yet." in (await one.get("/console/campaigns")).text
    spring = await scheduled(api, "Spring sale")
    autumn = await scheduled(api, "Autumn", first=2_000)
    page = await one.get("/console/campaigns")
    assert "Spring sale" in page.text and "Autumn" in page.text
    assert page.text.count("waiting for its time") == 3 and "3 people · begins" in page.text
    page = await one.get("/console/campaigns?name=spring&status=scheduled")
    assert page.offers(spring) and not page.offers(autumn)
    page = await one.get("/console/campaigns?name=nothing")
    assert "No campaign matches." in page.text
    assert (await one.get("/console/campaigns?nonsense=1")).status == 400
    for campaign_id in (spring, autumn):
        await one.send((await one.get(f"/console/campaigns/{campaign_id}/cancel")).form("/cancel"))
        await finish(api.story, campaign_id)


async def test_a_campaign_says_why_it_sends_no_faster(api: Api) -> None:
    view = api.story.store.campaigns.get(await scheduled(api))
    assert view is not None
    for total, hours, limit, says in (
        (957, 3.0, None, "about 5 a minute because of the spread"),
        (1_000_000, 1.0, None, "about 16,667 a minute because of the spread"),
        (10, 2.0, None, "about 5 an hour because of the spread"),
        (957, 3.0, 0.5, "to 30 a minute, the rate that was set"),
    ):
        facts = replace(view.facts, rate=limit)
        one = replace(view, total=total, spread_hours=hours, facts=facts)
        assert says in campaign_words.rate_reason(one)
    assert campaign_words.rate_reason(view) == ""


async def test_pages_of_the_list_hold_twenty_campaigns(browser: Browsers, api: Api) -> None:
    one = browser()
    await one.sign_in()
    store, composer = api.story.store, api.story.service
    for index in range(21):
        composed = await composer._compose(api.story.draft(1, index, name=f"Campaign {index:02d}"))
        store.campaigns.save(composed, f"cmp_{index:02d}")
    page = await one.get("/console/campaigns")
    assert page.tags.count("h2") == 20 and "Campaign 00" not in page.text
    older = next(link for link in page.links if "before=" in link)
    assert "Campaign 00" in (await one.get(older)).text
    assert len(page.answer.content) < 100_000


async def test_a_campaign_is_paused_resumed_and_cancelled_with_its_consequence(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await scheduled(api, "Visits <b>&\u00e9")
    path = f"/console/campaigns/{campaign_id}"
    page = await one.get(path)
    assert "3 people are waiting; it begins" in page.text and "b" not in page.tags
    page = await one.send(page.form("/pause"))
    assert "Paused since" in page.text and not page.offers("/pause")
    page = await one.send(page.form("/resume"))
    assert page.status == 200
    assert "resumed by the key AK" in page.text and "paused by the key AK" in page.text
    confirm = await one.get(f"{path}/cancel")
    assert "Cancel the 3 that are left" in confirm.text
    await one.send(confirm.form("/cancel"))
    await finish(api.story, campaign_id)
    page = await one.get(path)
    assert "0 of 3 arrived" in page.text and "The campaign was cancelled" in page.text
    assert not any(page.offers(f"/{action}") for action in ("pause", "resume", "cancel", "retry"))
    again = await one.send(confirm.form("/cancel"))
    assert again.status == 409 and "has moved on" in again.text


async def test_stopping_says_how_many_wait_and_starting_lets_them_go_on(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    campaign_id = await scheduled(api)
    page = await one.get("/console/stop")
    assert "3 messages are waiting in 1 campaign." in page.text
    assert "Hold back the 3 that are waiting" in page.text
    page = await one.send(page.form("/stop"))
    assert "Sending is stopped since" in page.text and not page.offers("/console/stop")
    assert (
        "It goes on when sending is started again"
        in (await one.get(f"/console/campaigns/{campaign_id}")).text
    )
    page = await one.send(page.form("/start"))
    assert "Sending is stopped" not in page.text and page.offers("/console/stop")
    view = api.story.store.campaigns.get(campaign_id)
    assert view is not None
    await api.story.service.cancel(view)
    await finish(api.story, campaign_id)


async def test_an_ended_campaign_shows_reasons_recipients_and_its_export(
    browser: Browsers, api: Api
) -> None:
    one = browser()
    await one.sign_in()
    draft = api.story.draft(60, 1_000, name="Shipped")
    draft.recipients[0] = draft.recipients[1].__class__(to="+14155550001", text="=1+1")
    campaign_id = (await api.story.service.admit(draft)).campaign.id
    assert await finish(api.story, campaign_id) is CampaignStatus.FINISHED_WITH_FAILURES
    path = f"/console/campaigns/{campaign_id}"
    page = await one.get(path)
    assert "finished, 1 not delivered" in page.text
    assert "This number does not exist. Remove it from your list." in page.text
    assert page.text.count("Order ") == 49 and page.offers("messages.csv")
    following = next(link for link in page.links if "after=" in link)
    assert (await one.get(following.partition("#")[0])).text.count("Order ") == 10
    for beyond in (10**30, -1, "x"):
        assert (await one.get(f"{path}?after={beyond}")).status == 400
    failed = await one.get(f"{path}?status=failed")
    assert "+14155550001" in failed.text and "+14155551002" not in failed.text
    found = await one.get(f"{path}?number=%2B1%20415%20555%201005")
    assert "+14155551005" in found.text and "+14155551006" not in found.text
    assert "No recipient of this campaign matches." in (await one.get(f"{path}?number=x")).text
    export = await one.http.get(f"{path}/messages.csv")
    assert export.headers["content-disposition"].startswith("attachment")
    assert export.text.count("\r\n") == 61


async def test_another_accounts_campaign_is_not_there(browser: Browsers, api: Api) -> None:
    campaign_id = await scheduled(api)
    store = api.story.store
    other, pair = store.accounts.create("other", 0)
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    page = await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    assert "No campaigns here yet." in page.text
    for path in (campaign_id, f"{campaign_id}/cancel", f"{campaign_id}/messages.csv"):
        assert (await one.get(f"/console/campaigns/{path}")).status == 404
    token = page.form("/sign-out").fields["token"]
    page = await one.post(f"/console/campaigns/{campaign_id}/cancel", token=token)
    assert page.status == 404
    view = store.campaigns.get(campaign_id)
    assert view is not None and view.status is CampaignStatus.SCHEDULED
    await api.story.service.cancel(view)
    await finish(api.story, campaign_id)
