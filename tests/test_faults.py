"""Faults around a campaign: storms, an absent worker, a dead API, stop words that come late."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest
from temporalio.testing import WorkflowEnvironment

from campaign.instants import MINUTE, SECOND, Instant, instant_of
from campaign.settings import Settings
from campaign.states import CampaignStatus
from carriers.pretend_exchange import Exchange, Receipts
from carriers.pretend_server import Connection
from service.campaigns import CampaignService
from store.accounts.accounts import AccountView
from store.campaigns.audit import audit
from store.store import Store
from tests.conftest import Served, Story, finish, reach, serve_carrier, tell

PEOPLE = 40
# So few failures on end are a matter of these messages; more, and the carrier counts as down.
FEW = 15


class Weather:
    """Until when a carrier says no, and how; and how often it was asked."""

    def __init__(self) -> None:
        self.now: Instant = 0
        self.until: Instant = 0
        self.status = 429
        self.headers: dict[str, str] = {}
        self.asked = 0


class Stormy(Connection):
    """The pretend carrier's server, which answers as the weather is."""

    def __init__(self, exchange: Exchange, receipts: Receipts, weather: Weather) -> None:
        super().__init__(exchange, receipts)
        self.weather = weather

    async def _take(self, body: bytes) -> None:
        self.weather.asked += 1
        if self.weather.now < self.weather.until:
            self._write(self.weather.status, {"error": "unavailable"}, self.weather.headers)
        else:
            await super()._take(body)


def serve_storm(weather: Weather) -> AbstractAsyncContextManager[Served]:
    return serve_carrier(make=lambda exchange, receipts: Stormy(exchange, receipts, weather))


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(429, {"retry-after": "7"}, 7 * SECOND), (503, {}, 5 * SECOND)],
    ids=["429-with-retry-after", "503"],
)
async def test_a_storm_of_ten_minutes_is_waited_out_and_loses_nobody(
    skipping: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    status: int,
    headers: dict[str, str],
    wait: Instant,
) -> None:
    weather = Weather()
    weather.status, weather.headers = status, headers
    settings.retry_backoff_seconds = (5.0, 30.0, 120.0, 600.0)
    async with serve_storm(weather) as served:
        async with tell(skipping, settings, store, account, served) as story:
            weather.now = began = await story.now()
            weather.until = began + 10 * MINUTE
            campaign = (await story.service.admit(story.draft(FEW))).campaign
            while weather.now < weather.until:
                await reach(story, campaign.id, weather.now + 30 * SECOND)
                weather.now = await story.now()
            assert served.log == []
            assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert len({row["reference"] for row in served.log}) == len(served.log) == FEW
    # Nobody was asked for again before the carrier's wish, or the backoff, had passed.
    for message in store.campaigns.messages(campaign.id):
        (result,) = store.attempts.stories(campaign.id, message.id)
        starts = [attempt.started_at for attempt in result.attempts]
        assert 2 <= len(starts) <= 5
        assert all(b - a >= wait for a, b in zip(starts, starts[1:], strict=False))
    assert weather.asked <= 5 * FEW
    assert audit(store.database).findings == ()


async def test_what_a_worker_missed_is_sent_once_each_when_one_is_back(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> None:
    async with tell(real, settings, store, account, carrier_server) as story:
        # By then this worker has shut down.
        start = await story.now() + 4 * SECOND
        draft = story.draft(PEOPLE, scheduled_at=start, spread_hours=1 / 3_600)
        campaign = (await story.service.admit(draft)).campaign
    missed = start + SECOND
    await asyncio.sleep((missed - instant_of(datetime.now(UTC))) / SECOND)
    assert carrier_server.log == []
    async with tell(real, settings, store, account, carrier_server) as story:
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
        assert min(story.sent_at(campaign.id)) >= missed
    assert len({row["reference"] for row in carrier_server.log}) == PEOPLE
    assert len(carrier_server.log) == PEOPLE


class Killed(BaseException):
    """What a process feels of kill -9."""


@pytest.mark.parametrize("verdict_was_in", [False, True])
async def test_a_request_cut_off_after_its_commit_brings_the_same_campaign_when_repeated(
    real_story: Story, monkeypatch: pytest.MonkeyPatch, verdict_was_in: bool
) -> None:
    story = real_story
    draft = story.draft(PEOPLE, key="cut-off", payload_hash="the same")
    asked = CampaignService._verdict

    async def die(service: CampaignService, view: object) -> object:
        if verdict_was_in:
            await asked(service, view)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(CampaignService, "_verdict", die)
        with pytest.raises(Killed):
            await story.service.admit(draft)
    (stored,) = story.store.campaigns.list()
    again = await asyncio.gather(*(story.service.admit(draft) for _ in range(5)))
    assert {one.campaign.id for one in again} == {stored.id}
    await finish(story, stored.id)
    assert len(story.store.campaigns.list()) == 1
    assert len(story.carrier.log) == PEOPLE
    assert audit(story.store.database).findings == ()


async def test_nothing_is_accepted_a_second_after_a_stop_word_was_stored(real_story: Story) -> None:
    story, count = real_story, 1_500
    campaign = (await story.service.admit(story.draft(count))).campaign
    stopped: dict[str, float] = {}

    def stop_words() -> None:
        # From the end of the list, so that each comes well before its number's turn, or just.
        for message in reversed(story.store.campaigns.messages(campaign.id, limit=count)):
            story.store.opt_outs.add(story.account.id, message.to, "inbound", 1)
            stopped[message.to] = time.time()
            if len(stopped) == count // 2:
                return

    while len(story.carrier.log) < 20:
        await asyncio.sleep(0.002)
    await asyncio.to_thread(stop_words)
    await finish(story, campaign.id)
    tally = story.store.campaigns.tally(campaign.id)
    assert tally.skipped > 0 and tally.sent + tally.skipped == count
    for message in story.store.campaigns.messages(campaign.id, limit=count):
        if message.to in stopped and message.sent_at is not None:
            # The answer may take its time on a busy machine; what counts is when it was let go.
            (result,) = story.store.attempts.stories(campaign.id, message.id)
            assert result.attempts[-1].started_at / SECOND <= stopped[message.to] + 1
    assert audit(story.store.database).findings == ()
