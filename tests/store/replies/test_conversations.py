"""Conversations: the newest text of each, how many are unread, and what was decided."""

from campaign.handoffs import Inbound
from campaign.instants import MINUTE, SECOND
from store.replies.inbound import InboundFilter
from tests.store.builders import NOW, SENDER, StoreBuilder, number

LATER = NOW + MINUTE


def bring(builder: StoreBuilder, writer: int, body: str, at: int) -> None:
    text = Inbound(number(writer), SENDER, body, LATER + at * SECOND, f"SM{writer}-{at}")
    assert builder.store.inbound.take(text, "twilio", LATER + MINUTE).messages


def listed(builder: StoreBuilder, **options: object) -> list[tuple[str, int]]:
    found = builder.store.conversations.list(builder.account_id, **options)  # type: ignore[arg-type]
    return [(one.newest.body, one.unread) for one in found]


def test_each_conversation_is_its_newest_text_with_a_count_of_the_unread(
    builder: StoreBuilder,
) -> None:
    conversations, account = builder.store.conversations, builder.account_id
    for index, (writer, body) in enumerate([(1, "a"), (2, "b"), (1, "c"), (3, "d"), (1, "e")]):
        bring(builder, writer, body, index)
    assert listed(builder) == [("e", 3), ("d", 1), ("b", 1)]
    assert conversations.unread(account) == 5
    first = conversations.list(account, 2)
    before = (first[-1].newest.received_at, first[-1].newest.id)
    assert listed(builder, limit=2, before=before) == [("b", 1)]
    # What arrives after the page was read stays unread.
    assert conversations.mark_read(account, number(1), SENDER, LATER + 2 * SECOND)
    assert listed(builder, unread_only=True) == [("e", 1), ("d", 1), ("b", 1)]
    assert conversations.mark_read(account, number(1), SENDER, LATER + 4 * SECOND)
    assert not conversations.mark_read(account, number(1), SENDER, LATER + 4 * SECOND)
    assert listed(builder, unread_only=True) == [("d", 1), ("b", 1)]
    assert conversations.leave_unread(account, number(1), SENDER)
    assert not conversations.leave_unread(account, number(1), SENDER)
    assert not conversations.leave_unread(account, number(9), SENDER)
    assert listed(builder, unread_only=True)[0] == ("e", 1)
    assert conversations.unread("another") == 0 and conversations.list("another") == []


def test_a_repeat_of_a_text_stays_read(builder: StoreBuilder) -> None:
    bring(builder, 1, "a", 0)
    assert builder.store.conversations.mark_read(builder.account_id, number(1), SENDER, LATER)
    bring(builder, 1, "a", 0)
    assert listed(builder) == [("a", 0)]


def test_a_decision_counts_for_what_was_seen_and_no_later_text(builder: StoreBuilder) -> None:
    account, store = builder.account_id, builder.store
    bring(builder, 1, "don't stop", 0)
    bring(builder, 1, "don't stop now", 1)
    assert store.conversations.decided(account, number(1), SENDER, LATER)
    assert not store.conversations.decided(account, number(1), SENDER, LATER)
    found = store.inbound.list(account, InboundFilter(needs_review=True))
    assert [one.body for one in found] == ["don't stop now"]


def test_an_erased_person_leaves_single_texts_that_nobody_has_to_read(
    builder: StoreBuilder,
) -> None:
    bring(builder, 1, "don't stop", 0)
    bring(builder, 1, "a", 1)
    builder.store.eraser.erase(builder.account_id, number(1), LATER + MINUTE)
    assert listed(builder) == [("", 0), ("", 0)]
    wanted = InboundFilter(needs_review=True)
    assert builder.store.inbound.list(builder.account_id, wanted) == []
