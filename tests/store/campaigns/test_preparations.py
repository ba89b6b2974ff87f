"""A large campaign is written, validated and paid for in pages; nothing leaves before that."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from temporalio.testing import ActivityEnvironment

from activities.admission import Admission
from activities.planning import Planning
from activities.preparing import Preparing
from activities.records import AdmitCampaignResult, CampaignRef
from campaign.expanding import Member
from campaign.instants import HOUR, SECOND
from campaign.model import LISTED_MAX, Draft, DraftRecipient, Policy
from campaign.orders import Order
from campaign.refusals import RefusalCode
from campaign.settings import Settings
from campaign.states import CampaignStatus
from service.composition import CampaignComposer
from store.campaigns.audit import audit
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, number
from tests.store.racing import race

PAGE = 10
MEMBERS = 35
COST = 2 * MEMBERS


@dataclass
class Prepared:
    """Campaigns from lists, prepared step by step as an activity does."""

    builder: StoreBuilder
    composer: CampaignComposer
    page: Callable[..., Preparing]

    def make_list(self, first: int = 0, count: int = MEMBERS, name: str = "spring") -> str:
        """A list of so many numbers."""
        store, account = self.builder.store, self.builder.account_id
        list_id = f"list-{name}"
        store.lists.create(account, list_id, name, NOW)
        store.lists.add(account, list_id, [Member(number(first + i)) for i in range(count)], NOW)
        return list_id

    def begin(self, *lists: str, campaign_id: str = "cmp_large", **members: object) -> str:
        """Store a draft to lists, to be prepared."""
        draft = Draft(
            account_id=self.builder.account_id,
            dialect="native",
            recipients=[DraftRecipient("", mailing_list=one) for one in lists],
            policy=Policy(listed_max=LISTED_MAX),
            sender=SENDER,
            **{"text": "We open at nine", **members},  # type: ignore[arg-type]
        )
        size, resolved = self.composer.size(draft), self.composer.resolved(draft)
        preview = self.composer.preview(resolved)
        preview = type(preview)(resolved, preview.messages, preview.received_at)
        assert self.builder.store.campaigns.save(preview, campaign_id, size).created
        return campaign_id

    def step(self, campaign_id: str) -> bool:
        """One step, by a worker that knows nothing of the steps before."""
        return self.page().step(campaign_id, self.builder.store.clock.now())

    async def result(self, campaign_id: str) -> AdmitCampaignResult:
        """Prepare to the end; what an activity says of it that comes afterwards."""
        while self.step(campaign_id):
            pass
        environment = ActivityEnvironment()
        ref = CampaignRef(campaign_id=campaign_id)
        return await environment.run(self.page().prepare_campaign, ref)

    def status(self, campaign_id: str) -> CampaignStatus:
        """Where the campaign stands."""
        view = self.builder.store.campaigns.get(campaign_id)
        assert view is not None
        return view.status

    def codes(self, campaign_id: str) -> list[RefusalCode]:
        """Why it was refused."""
        return [one.code for one in self.builder.store.campaigns.stored_refusals(campaign_id) or ()]


@pytest.fixture
def prepared(builder: StoreBuilder, any_settings: Settings) -> Prepared:
    store = builder.store
    composer = CampaignComposer(store, any_settings)
    planning = Planning(
        store.campaigns, store.plans, store.admissions, store.resolving, {}, chunk_size=500
    )
    admission = Admission(store.campaigns, store.admissions, planning)

    def preparing() -> Preparing:
        return Preparing(
            store.preparations,
            store.lists,
            store.campaigns,
            store.admissions,
            store.plans,
            admission,
            composer.page,
            PAGE,
        )

    return Prepared(builder, composer, preparing)


async def test_a_campaign_is_written_in_pages_and_paid_for_as_a_whole(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())
    builder = prepared.builder
    seen = []
    while prepared.step(campaign):
        view = builder.store.campaigns.get(campaign)
        assert view is not None
        if view.preparation is not None:
            seen.append((view.preparation["written"], view.preparation["expected"]))
            assert builder.money() == (GRANTED, 0, 0)
            assert builder.claimed(campaign) == []
    assert seen[0] == (10, MEMBERS) and seen[-1] == (MEMBERS, MEMBERS)
    assert prepared.status(campaign) is CampaignStatus.SCHEDULED
    assert builder.money() == (GRANTED - COST, COST, 0)
    recipients = [one.to for one in builder.store.campaigns.messages(campaign, limit=100)]
    assert recipients == [number(index) for index in range(MEMBERS)]
    result = await prepared.result(campaign)
    assert result.verdict.admitted and result.plan is not None and result.next is not None
    assert sum(wave.count for wave in result.next.waves) == MEMBERS
    assert audit(builder.store.database).findings == ()


def test_workers_that_prepare_at_once_write_and_hold_everything_once(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())

    def run(_: int) -> None:
        while prepared.step(campaign):
            pass

    race(3, run)
    assert prepared.builder.money() == (GRANTED - COST, COST, 0)
    assert prepared.builder.statuses(campaign) == ["queued"] * MEMBERS


async def test_credits_that_run_out_refuse_the_whole_and_hold_nothing(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())
    builder = prepared.builder
    builder.execute("UPDATE credit SET available = 25, granted = 25 WHERE kind = 'sms'")
    result = await prepared.result(campaign)
    assert not result.verdict.admitted
    assert prepared.codes(campaign) == [RefusalCode.CREDITS_INSUFFICIENT]
    assert builder.money() == (25, 0, 0)
    assert set(builder.statuses(campaign)) == {"cancelled"}
    assert builder.value("SELECT count(*) FROM preparation") == 0
    assert await prepared.result(campaign) == result


async def test_a_cancelled_campaign_stops_at_its_page_and_pays_nothing(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())
    builder = prepared.builder
    prepared.step(campaign)
    builder.store.orders.give(campaign, Order.CANCEL, NOW)
    result = await prepared.result(campaign)
    assert result.plan is None and result.tally.queued == PAGE
    assert builder.claimed(campaign) == []
    builder.store.campaigns.cancel_rest(campaign, NOW)
    end, tally = builder.store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    assert (end, tally.cancelled, tally.total) == (CampaignStatus.CANCELLED, PAGE, PAGE)
    assert builder.money() == (GRANTED, 0, 0)


async def test_a_cancellation_after_the_hold_returns_the_credits(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())
    store = prepared.builder.store
    while (at := store.preparations.get(campaign)) and at.validated < MEMBERS:
        prepared.step(campaign)
    assert store.admissions.hold(campaign, NOW) is None
    store.orders.give(campaign, Order.CANCEL, NOW)
    store.preparations.finish(campaign, NOW)
    assert prepared.status(campaign) is CampaignStatus.PREPARING
    await prepared.result(campaign)
    store.campaigns.cancel_rest(campaign, NOW)
    store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    assert prepared.builder.money() == (GRANTED, 0, 0)


async def test_a_pause_while_it_is_prepared_holds_and_a_resume_ends_it(prepared: Prepared) -> None:
    orders = prepared.builder.store.orders
    paused = prepared.begin(prepared.make_list(), campaign_id="cmp_paused")
    orders.give(paused, Order.PAUSE, NOW)
    resumed = prepared.begin("list-spring", campaign_id="cmp_resumed")
    orders.give(resumed, Order.PAUSE, NOW)
    orders.give(resumed, Order.RESUME, NOW)
    for campaign in (paused, resumed):
        await prepared.result(campaign)
    assert prepared.status(paused) is CampaignStatus.PAUSED
    assert orders.standing(paused).ordered is Order.PAUSE
    assert prepared.builder.claimed(paused) == []
    assert prepared.status(resumed) is CampaignStatus.SCHEDULED


async def test_a_number_on_two_lists_gets_one_message(prepared: Prepared) -> None:
    first = prepared.make_list(count=25)
    second = prepared.make_list(first=20, count=10, name="second")
    campaign = prepared.begin(first, second)
    result = await prepared.result(campaign)
    assert (result.tally.queued, result.tally.skipped, result.tally.total) == (30, 5, 35)
    assert prepared.builder.money() == (GRANTED - 60, 60, 0)


async def test_who_opts_out_meanwhile_is_skipped_on_the_next_page(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())
    prepared.step(campaign)
    for position in (2, 22):
        prepared.builder.store.opt_outs.add(
            prepared.builder.account_id, number(position), "inbound", NOW
        )
    await prepared.result(campaign)
    statuses = prepared.builder.statuses(campaign)
    assert statuses[22] == "skipped" and statuses.count("skipped") == 1


async def test_a_fault_of_a_later_page_refuses_the_whole(prepared: Prepared) -> None:
    list_id = prepared.make_list(count=0)
    people = [Member(number(i), {"NAME": "A"} if i < 30 else {}) for i in range(MEMBERS)]
    prepared.builder.store.lists.add(prepared.builder.account_id, list_id, people, NOW)
    campaign = prepared.begin(list_id, text="Hello {{NAME}}")
    result = await prepared.result(campaign)
    assert not result.verdict.admitted
    (refusal,) = result.verdict.refusals
    assert refusal.code is RefusalCode.FIELDS_MISSING
    assert refusal.place == "recipients[30].fields" and "member" not in refusal.details
    assert set(prepared.builder.statuses(campaign)) == {"cancelled"}


async def test_a_spread_campaign_is_even_across_its_pages(prepared: Prepared) -> None:
    start = prepared.builder.store.clock.now() + HOUR
    campaign = prepared.begin(prepared.make_list(), spread_hours=1.0, scheduled_at=start)
    await prepared.result(campaign)
    dues = [one.due_at for one in prepared.builder.store.campaigns.messages(campaign, limit=100)]
    assert dues == [start + int(HOUR * index / MEMBERS) for index in range(MEMBERS)]


async def test_a_spread_that_should_have_begun_begins_with_the_verdict(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list(), spread_hours=1.0)
    prepared.builder.execute(
        "UPDATE campaign SET created_at = created_at - :ago, base_at = base_at - :ago",
        ago=600 * SECOND,
    )
    before = prepared.builder.store.clock.now()
    result = await prepared.result(campaign)
    assert result.plan is not None and result.plan.pauses == 1
    assert result.plan.first_due_at is not None and result.plan.first_due_at >= before


async def test_a_list_that_is_emptied_meanwhile_refuses_the_campaign(prepared: Prepared) -> None:
    campaign = prepared.begin(prepared.make_list())
    prepared.builder.store.lists.delete(prepared.builder.account_id, "list-spring")
    await prepared.result(campaign)
    assert prepared.codes(campaign) == [RefusalCode.LIST_EMPTY]


def test_the_key_of_a_campaign_that_is_prepared_is_held(prepared: Prepared) -> None:
    list_id = prepared.make_list()
    campaign = prepared.begin(list_id, key="spring-1")
    prepared.builder.store.campaigns.has_key(prepared.builder.account_id, "spring-1", NOW)
    store = prepared.builder.store
    again = prepared.builder.composed(key="spring-1")
    saved = store.campaigns.save(again, "cmp_other", 100)
    assert (saved.campaign_id, saved.created) == (campaign, False)
