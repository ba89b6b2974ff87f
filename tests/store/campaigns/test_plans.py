"""A plan is moved as it is or laid out anew, once for each number, as a new campaign's would be."""

from collections.abc import Sequence
from itertools import count

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from campaign.composing import compose
from campaign.instants import DAY, HOUR, MINUTE, Instant
from campaign.model import RECIPIENTS_MAX, ComposedCampaign, Draft, DraftRecipient
from campaign.phone import OfflineLookup
from campaign.schedule import ideal_instants
from campaign.states import MessageStatus
from campaign.views import CampaignView
from store.store import Store
from tests.store.builders import ALL, NOW, SENDER, StoreBuilder, number, outcome
from tests.store.racing import race

START: Instant = NOW + DAY
LOOKUP = OfflineLookup()
hours = st.one_of(st.sampled_from([0.0, 1.0, 72.0]), st.floats(0, 72))
# Each recipient's own time, counted from the start; most have none.
own_times = st.lists(
    st.one_of(st.none(), st.none(), st.integers(-2 * HOUR, 80 * HOUR)), min_size=1, max_size=25
)
# What happened to the plan before: pushes, as whole numbers, and spreads.
changes = st.lists(st.one_of(st.integers(-6 * HOUR, 3 * DAY), hours), max_size=3)
_ids = count()


def new(
    builder: StoreBuilder, own: Sequence[Instant | None], spread: float, moved: Instant = 0
) -> ComposedCampaign:
    """A campaign just composed; its start and whatever is a recipient's own are ``moved``."""
    people = [
        DraftRecipient(number(index), scheduled_at=None if at is None else START + at + moved)
        for index, at in enumerate(own)
    ]
    draft = Draft(
        account_id=builder.account_id,
        dialect="native",
        recipients=people,
        sender=SENDER,
        text="Your order has shipped",
        scheduled_at=START + moved,
        spread_hours=spread,
    )
    ids = (f"plan-{next(_ids)}-{index}" for index in count())
    return compose(draft, NOW, None, LOOKUP, lambda: next(ids))


def planned(builder: StoreBuilder, *own: Instant | None, spread: float = 6.0) -> str:
    """A campaign that waits for its start; its id."""
    campaign_id = f"cmp_plan_{next(_ids)}"
    assert builder.store.campaigns.save(new(builder, own, spread), campaign_id).created
    return campaign_id


def view(builder: StoreBuilder, campaign: str) -> CampaignView:
    found = builder.store.campaigns.get(campaign)
    assert found is not None
    return found


def dues(builder: StoreBuilder, campaign: str) -> list[Instant]:
    return [one.due_at for one in builder.store.campaigns.messages(campaign, limit=ALL)]


def number_of_changes(builder: StoreBuilder, campaign: str) -> int:
    return builder.store.admissions.plan_facts(campaign).pauses


def test_each_pause_pushes_back_once_what_waits(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.claimed(campaign, claim=1)
    shift = builder.store.plans.shift
    shift(campaign, 1, HOUR)
    shift(campaign, 1, HOUR)
    shift(campaign, 3, HOUR)  # A number out of turn is none.
    shift(campaign, 2, MINUTE)
    assert dues(builder, campaign) == [NOW, NOW + HOUR + MINUTE, NOW + HOUR + MINUTE]
    assert view(builder, campaign).base_at == NOW + HOUR + MINUTE


def test_a_pause_told_by_many_at_once_pushes_back_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(20)
    stores = (any_store, rival_store)
    race(8, lambda runner: stores[runner % 2].plans.shift(campaign, 1, HOUR))
    assert set(dues(builder, campaign)) == {NOW + HOUR}


def test_another_spread_counts_from_the_start_and_is_written_with_the_campaign(
    builder: StoreBuilder,
) -> None:
    campaign = planned(builder, *[None] * 60)
    builder.store.plans.respread(campaign, 1, 2.0, NOW)
    assert dues(builder, campaign) == [START + 2 * MINUTE * index for index in range(60)]
    changed = view(builder, campaign)
    assert (changed.spread_hours, changed.base_at, changed.scheduled_at) == (2.0, START, START)
    assert number_of_changes(builder, campaign) == 1


@given(own=own_times, before=hours, earlier=changes, after=hours)
@example(own=[None] * 25, before=6.0, earlier=[DAY, 0.0, -HOUR], after=2.0)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_plan_laid_out_anew_is_the_one_that_a_new_campaign_would_have(
    builder: StoreBuilder,
    own: list[Instant | None],
    before: float,
    earlier: list[Instant | float],
    after: float,
) -> None:
    campaign = planned(builder, *own, spread=before)
    moved = 0
    for place, change in enumerate(earlier, 1):
        if isinstance(change, float):
            builder.store.plans.respread(campaign, place, change, NOW)
        else:
            builder.store.plans.shift(campaign, place, change)
            moved += change
    builder.store.plans.respread(campaign, len(earlier) + 1, after, NOW)
    fresh = [message.due_at for message in new(builder, own, after, moved).messages]
    assert dues(builder, campaign) == fresh
    assert view(builder, campaign).base_at == START + moved
    # With a start as well the same plan moves whole, and its first message is due then.
    builder.store.plans.respread(campaign, len(earlier) + 2, before, NOW, START + 9 * DAY)
    fresh = [message.due_at for message in new(builder, own, before, moved).messages]
    assert dues(builder, campaign) == [due - min(fresh) + START + 9 * DAY for due in fresh]
    assert view(builder, campaign).scheduled_at == START + 9 * DAY


def test_a_spread_told_twice_or_out_of_turn_changes_nothing_more(builder: StoreBuilder) -> None:
    campaign = planned(builder, *[None] * 6)
    spread, shift = builder.store.plans.respread, builder.store.plans.shift
    spread(campaign, 1, 2.0, NOW, START + DAY)
    shift(campaign, 2, HOUR)
    expected = ideal_instants(START + DAY + HOUR, 2.0, 6)
    for late in (1, 2, 4):
        spread(campaign, late, 3.0, NOW)
        assert dues(builder, campaign) == expected
    shift(campaign, 1, HOUR)
    assert dues(builder, campaign) == expected
    changed = view(builder, campaign)
    assert (changed.spread_hours, changed.base_at) == (2.0, START + DAY + HOUR)


def test_a_spread_told_by_many_at_once_counts_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = planned(builder, *[None] * 20)
    stores = (any_store, rival_store)
    race(8, lambda runner: stores[runner % 2].plans.respread(campaign, 1, 1.0 + runner, NOW))
    hours = view(builder, campaign).spread_hours
    assert hours in {1.0 + runner for runner in range(8)}
    assert dues(builder, campaign) == ideal_instants(START, hours, 20)
    assert number_of_changes(builder, campaign) == 1


def test_own_times_stay_and_who_will_not_go_leaves_no_gap(builder: StoreBuilder) -> None:
    campaign = planned(builder, None, 5 * HOUR, None, None, None, None)
    for position, status in ((0, "skipped"), (3, "failed"), (4, "cancelled")):
        builder.execute(
            "UPDATE message SET status = :status "
            "WHERE campaign_id = :campaign AND position = :position",
            status=status,
            campaign=campaign,
            position=position,
        )
    before = dues(builder, campaign)
    builder.store.plans.respread(campaign, 1, 2.0, NOW)
    after = dues(builder, campaign)
    kept = (0, 1, 3, 4)
    assert [after[position] for position in kept] == [before[position] for position in kept]
    # Two are left to spread, so each has one of the two hours.
    assert (after[2], after[5]) == (START, START + HOUR)


def test_with_another_start_own_times_move_along(builder: StoreBuilder) -> None:
    campaign = planned(builder, -HOUR, None, None, None)
    builder.store.plans.respread(campaign, 1, 3.0, NOW, START + DAY)
    first = START + DAY
    assert dues(builder, campaign) == [first, *(first + HOUR * index for index in (1, 2, 3))]
    changed = view(builder, campaign)
    assert (changed.scheduled_at, changed.base_at) == (first, first + HOUR)


def test_nothing_is_laid_out_before_the_earliest_instant(builder: StoreBuilder) -> None:
    campaign = planned(builder, *[None] * 4)
    late = START + 20 * MINUTE
    builder.store.plans.respread(campaign, 1, 2.0, late)
    assert dues(builder, campaign) == ideal_instants(late, 2.0, 4)
    assert view(builder, campaign).base_at == late


def test_what_has_left_or_was_put_off_keeps_its_instant(builder: StoreBuilder) -> None:
    campaign = builder.admit(4)
    builder.claimed(campaign, claim=2)
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, due_at=NOW + MINUTE))
    builder.store.plans.respread(campaign, 1, 2.0, NOW)
    assert dues(builder, campaign) == [NOW + MINUTE, NOW, NOW, NOW + HOUR]


def test_where_nothing_waits_the_spread_is_written_and_nothing_moves(builder: StoreBuilder) -> None:
    campaign = planned(builder, None, None)
    builder.store.campaigns.cancel_rest(campaign, NOW)
    before = dues(builder, campaign)
    builder.store.plans.respread(campaign, 1, 2.0, NOW, START + DAY)
    assert dues(builder, campaign) == before
    assert (view(builder, campaign).spread_hours, view(builder, campaign).base_at) == (2.0, START)


def test_another_spread_of_one_campaign_leaves_every_other_alone(builder: StoreBuilder) -> None:
    campaign, other = planned(builder, None, None, None), planned(builder, None, None, None)
    builder.store.plans.respread(campaign, 1, 3.0, NOW, START + DAY)
    assert dues(builder, other) == ideal_instants(START, 6.0, 3)
    assert view(builder, other).spread_hours == 6.0


def test_fifty_thousand_are_laid_out_anew_in_one_statement_each_time(builder: StoreBuilder) -> None:
    campaign = builder.save(RECIPIENTS_MAX, scheduled_at=START)
    builder.store.plans.respread(campaign, 1, 6.0, NOW)
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(builder.store.database.engine, "before_cursor_execute", note)
    # A second time, when the planner of the database has another idea of the table.
    builder.store.plans.respread(campaign, 2, 72.0, NOW)
    event.remove(builder.store.database.engine, "before_cursor_execute", note)
    assert dues(builder, campaign) == ideal_instants(START, 72.0, RECIPIENTS_MAX)
    assert sum(statement.lstrip().startswith("UPDATE message") for statement in statements) == 1
