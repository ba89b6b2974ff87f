"""A campaign's text is edited in what has not left: rows, links and credits together."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from campaign.composing import compose
from campaign.credits import CreditKind, CreditsMax, Price
from campaign.instants import SECOND
from campaign.model import ComposedCampaign, Draft, DraftRecipient, Message
from campaign.phone import OfflineLookup
from campaign.refusals import RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from campaign.text_edits import Template, compose_edit
from store.campaigns.audit import audit
from store.campaigns.text_edits import NotEditable, TextEdit, UnsentMoved
from store.shared import ledger
from store.store import Store
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, number, outcome

OLD, NEW = "Dear {{name}}, we open at nine", "Dear {{name}}, we open at ten"
# Two segments.
LONG = "Dear {{name}}, " + "we open at ten, " * 12
LOOKUP = OfflineLookup()


def admitted(
    builder: StoreBuilder, size: int = 3, own: Mapping[int, str] | None = None, **members: object
) -> str:
    """A campaign whose text greets each recipient by name, held and running; its id."""
    draft = Draft(
        account_id=builder.account_id,
        dialect="native",
        recipients=[
            DraftRecipient(
                number(position), text=(own or {}).get(position), fields={"name": f"A{position}"}
            )
            for position in range(size)
        ],
        sender=SENDER,
        text=OLD,
        **members,  # type: ignore[arg-type]
    )
    campaign_id = f"cmp_e{next(builder._numbers)}"
    ids = iter(range(size))
    composed = compose(draft, NOW, None, LOOKUP, lambda: f"{campaign_id}-{next(ids)}")
    assert builder.store.campaigns.save(composed, campaign_id).created
    assert builder.store.admissions.hold(campaign_id, NOW) is None
    for status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
        builder.store.campaigns.set_status(campaign_id, status, NOW)
    return campaign_id


def prepared(store: Store, campaign_id: str, text: str = NEW) -> tuple[ComposedCampaign, Template]:
    unsent = store.text_edits.unsent(campaign_id)
    assert unsent.template is not None
    template = replace(unsent.template, text=text)
    return compose_edit("a", "native", template, unsent.messages, NOW, None), template


def edit(store: Store, campaign_id: str, text: str = NEW) -> TextEdit:
    return store.text_edits.apply(campaign_id, *prepared(store, campaign_id, text), NOW)


def texts(store: Store, campaign_id: str) -> list[str]:
    return [message.text for message in store.campaigns.messages(campaign_id)]


def old(position: int) -> str:
    return f"Dear A{position}, we open at nine"


def new(position: int) -> str:
    return f"Dear A{position}, we open at ten"


def test_what_waits_gets_the_new_text_with_its_own_fields(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder)
    assert edit(store, campaign) == TextEdit(3, 0, Price())
    assert texts(store, campaign) == [new(0), new(1), new(2)]
    claimed = builder.flush_and_claim(campaign).claimed
    assert [one.text for one in claimed] == [new(0), new(1), new(2)]
    assert builder.money() == (GRANTED - 6, 6, 0)


def test_the_old_text_stays_on_what_has_left_and_a_text_of_ones_own_stays(
    builder: StoreBuilder,
) -> None:
    store, campaign = builder.store, admitted(builder, own={2: "Only for you"})
    builder.flush_and_claim(campaign, high=1)
    builder.write(campaign, outcome(0))
    assert edit(store, campaign) == TextEdit(1, 0, Price())
    assert texts(store, campaign) == [old(0), new(1), "Only for you"]


def test_what_a_worker_is_sending_keeps_its_text_until_its_carrier_puts_it_off(
    builder: StoreBuilder,
) -> None:
    store, campaign = builder.store, admitted(builder)
    builder.flush_and_claim(campaign)
    assert edit(store, campaign) == TextEdit(0, 3, Price())
    assert texts(store, campaign) == [old(0), old(1), old(2)]
    later = NOW + SECOND
    builder.write(
        campaign,
        outcome(0),
        outcome(1, MessageStatus.RETRYABLE, code="http_503", due_at=later),
        outcome(2, MessageStatus.UNKNOWN, code="timeout"),
    )
    assert texts(store, campaign) == [old(0), new(1), old(2)]
    (again,) = builder.flush_and_claim(campaign, now=later).claimed
    assert (again.position, again.text) == (1, new(1))


def test_of_two_edits_under_way_the_later_one_counts(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 2)
    builder.flush_and_claim(campaign)
    edit(store, campaign, "First")
    edit(store, campaign, "Second")
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, code="http_503", due_at=NOW))
    assert texts(store, campaign) == ["Second", old(1)]
    assert builder.value("SELECT count(*) FROM message WHERE next_text IS NOT NULL") == 1


def test_a_message_that_may_have_left_keeps_its_text(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 2)
    builder.flush_and_claim(campaign, high=1)
    builder.write(campaign, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    builder.execute(
        "UPDATE message SET status = 'retryable', was_unknown = TRUE WHERE position = 0"
    )
    assert edit(store, campaign) == TextEdit(1, 0, Price())
    assert texts(store, campaign) == [old(0), new(1)]


def test_a_message_that_came_back_meanwhile_is_composed_first(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 2)
    builder.flush_and_claim(campaign, high=1)
    builder.write(campaign, outcome(0, MessageStatus.UNKNOWN, code="timeout"))
    composed, template = prepared(store, campaign)
    builder.execute("UPDATE message SET status = 'queued' WHERE position = 0")
    with pytest.raises(UnsentMoved):
        store.text_edits.apply(campaign, composed, template, NOW)
    assert texts(store, campaign) == [old(0), old(1)]


def test_an_edit_is_recorded_once_and_without_its_text(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder)
    edit(store, campaign)
    edit(store, campaign)
    query = "SELECT {} FROM activity WHERE action = 'campaign.changed'"
    assert builder.value(query.format("count(*)")) == 1
    assert json.loads(str(builder.value(query.format("before")))) == {"textLength": len(OLD)}
    after = json.loads(str(builder.value(query.format("after"))))
    assert after == {"textLength": len(NEW), "messages": 3}


def test_a_look_sees_an_edit_that_is_then_taken_back(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder)
    composed, template = prepared(store, campaign)
    seen: list[str] = []

    def look(connection: Connection) -> None:
        seen.extend(connection.execute(text("SELECT text FROM message")).scalars())

    edit = store.text_edits.apply(campaign, composed, template, NOW, look)
    assert (edit, sorted(seen)) == (TextEdit(3, 0, Price()), [new(0), new(1), new(2)])
    assert texts(store, campaign) == [old(0), old(1), old(2)]
    assert builder.value("SELECT count(*) FROM activity WHERE action = 'campaign.changed'") == 0


@pytest.mark.parametrize("end", ["cancelled", "finished", "refused", "draft"])
def test_a_campaign_that_has_ended_or_not_begun_is_not_edited(
    builder: StoreBuilder, end: str
) -> None:
    store, campaign = builder.store, admitted(builder)
    builder.execute("UPDATE campaign SET status = :end WHERE id = :id", end=end, id=campaign)
    with pytest.raises(NotEditable):
        edit(store, campaign)
    assert texts(store, campaign) == [old(0), old(1), old(2)]


def test_a_campaign_that_is_being_cancelled_is_not_edited(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder)
    builder.execute("UPDATE campaign SET ordered = 'cancel', ordered_at = 1")
    with pytest.raises(NotEditable):
        edit(store, campaign)


def test_an_erased_person_and_old_texts_leave_nothing_to_edit(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 2)
    builder.flush_and_claim(campaign, high=1)
    edit(store, campaign)
    store.eraser.erase(builder.account_id, number(0), NOW)
    store.eraser.erase(builder.account_id, number(1), NOW)
    kept = "SELECT count(*) FROM message WHERE fields IS NOT NULL OR next_text IS NOT NULL"
    assert builder.value(kept) == 0
    assert store.text_edits.unsent(campaign).messages == []


@pytest.fixture
def by_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message costs two credits for each segment of its new text; stored ones cost two."""
    monkeypatch.setattr(Message, "price", property(lambda message: Price(2 * message.segments)))


@pytest.mark.usefixtures("by_segment")
def test_what_a_longer_text_costs_more_is_held_with_it(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 4)
    builder.flush_and_claim(campaign, high=1)
    # The one under way may still be sent with either text.
    assert edit(store, campaign, LONG) == TextEdit(3, 1, Price(8))
    assert builder.money() == (GRANTED - 16, 16, 0)
    assert audit(store.database).findings == ()


@pytest.mark.usefixtures("by_segment")
def test_without_the_credits_for_it_an_edit_changes_nothing(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 4)
    less = "UPDATE credit SET granted = granted - :less, available = available - :less"
    builder.execute(less, less=GRANTED - 10)
    refusal = edit(store, campaign, LONG).refusal
    assert refusal is not None and refusal.code is RefusalCode.CREDITS_INSUFFICIENT
    assert texts(store, campaign) == [old(position) for position in range(4)]
    assert builder.balance().held == 8


@pytest.mark.usefixtures("by_segment")
def test_a_campaign_never_costs_more_than_it_may(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 4, credits_max=CreditsMax(sms=15))
    refusal = edit(store, campaign, LONG).refusal
    assert refusal is not None and refusal.code is RefusalCode.CREDITS_MAX_EXCEEDED
    assert refusal.details == {"sms": 16, "mms": 0}
    assert texts(store, campaign) == [old(position) for position in range(4)]
    assert builder.money() == (GRANTED - 8, 8, 0)


def test_a_change_is_booked_in_entries_of_its_own_and_both_ways(builder: StoreBuilder) -> None:
    store, campaign = builder.store, admitted(builder, 4)
    for difference in (Price(8, 1), Price(-3), Price(0, 2), Price(2, -3)):
        store.database.write(
            lambda connection, difference=difference: ledger.change(  # type: ignore[misc]
                connection, builder.account_id, campaign, difference, NOW
            )
        )
    assert builder.money() == (GRANTED - 15, 15, 0)
    assert builder.money(CreditKind.MMS) == (GRANTED, 0, 0)
    holds = store.database.read(lambda connection: ledger.holds(connection, campaign))
    assert holds == 1
    assert audit(store.database).findings == ()
    store.campaigns.cancel_rest(campaign, NOW)
    store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    assert builder.money() == (GRANTED, 0, 0)
    assert audit(store.database).findings == ()
