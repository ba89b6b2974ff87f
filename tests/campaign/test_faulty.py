"""Recipients whom a request is taken in spite of: born failed, out of every rule's sight."""

import pytest

from campaign.credits import MessageKind
from campaign.instants import DAY, HOUR
from campaign.model import DraftRecipient, Duplicates, Policy
from campaign.refusals import RefusalCode, Refused
from campaign.states import MessageStatus
from tests.campaign.making import NOW, composed, draft, number

BAD = "number_invalid"


def test_a_faulty_recipient_becomes_a_failed_message_that_keeps_its_place() -> None:
    people = [
        DraftRecipient(number(0)),
        DraftRecipient("one-two", fault=BAD, reference="r"),
        DraftRecipient(number(2)),
    ]
    messages = composed(draft(people)).messages
    assert [(m.position, m.status, m.reason) for m in messages] == [
        (0, MessageStatus.QUEUED, None),
        (1, MessageStatus.FAILED, BAD),
        (2, MessageStatus.QUEUED, None),
    ]
    assert (messages[1].to, messages[1].reference, messages[1].country) == ("one-two", "r", None)


@pytest.mark.parametrize(
    "members",
    [
        {"text": "x" * 2_000},
        {"text": ""},
        {"text": "a\u202eb"},
        {"text": "Hi {{nobody}}"},
        {"sender": "no sender!"},
        {"key": "x"},
        {"media_url": "file:///etc/passwd"},
        {"scheduled_at": NOW + 400 * DAY},
        {"scheduled_at": NOW - HOUR},
    ],
)
def test_no_rule_minds_a_recipient_that_has_a_fault_already(members: dict[str, object]) -> None:
    with pytest.raises(Refused):
        composed(draft([DraftRecipient(number(1), **members)]))  # type: ignore[arg-type]
    faulty = DraftRecipient(number(1), fault="told_elsewhere", **members)  # type: ignore[arg-type]
    good, bad = composed(draft([DraftRecipient(number(0)), faulty])).messages
    assert (good.status, bad.status) == (MessageStatus.QUEUED, MessageStatus.FAILED)
    assert (bad.reason, bad.due_at) == ("told_elsewhere", NOW)


def test_faulty_recipients_count_as_recipients() -> None:
    people = [DraftRecipient("x", fault=BAD) for _ in range(3)]
    assert len(composed(draft(people, policy=Policy(recipients_min=3))).messages) == 3
    with pytest.raises(Refused) as caught:
        composed(draft(people, policy=Policy(recipients_max=2)))
    assert caught.value.refusals[0].code is RefusalCode.TOO_MANY_RECIPIENTS


@pytest.mark.parametrize("duplicates", Duplicates)
def test_a_faulty_recipient_is_neither_a_repeat_nor_the_first_of_any(
    duplicates: Duplicates,
) -> None:
    people = [
        DraftRecipient(number(0), fault="schedule_invalid"),
        DraftRecipient(number(0)),
        DraftRecipient(number(0), fault="schedule_invalid"),
    ]
    messages = composed(draft(people, policy=Policy(duplicates=duplicates))).messages
    failed, queued = MessageStatus.FAILED, MessageStatus.QUEUED
    assert [message.status for message in messages] == [failed, queued, failed]


def test_a_faulty_recipient_takes_no_place_in_a_spread() -> None:
    people = [DraftRecipient(number(0), fault=BAD), DraftRecipient(number(1))]
    alone = composed(draft([DraftRecipient(number(1))], spread_hours=10.0)).messages
    together = composed(draft(people, spread_hours=10.0)).messages
    assert together[1].due_at == alone[0].due_at


def test_kinds_are_mixed_only_among_those_that_can_be_sent() -> None:
    media = "https://media.example/cat.gif"
    people = [DraftRecipient(number(0)), DraftRecipient(number(1), media_url=media, fault=BAD)]
    messages = composed(draft(people, policy=Policy(uniform=True))).messages
    assert [message.kind for message in messages] == [MessageKind.SMS, MessageKind.MMS]


def test_equal_references_make_a_repeat_where_the_policy_looks_at_them() -> None:
    people = [
        DraftRecipient(number(0), reference="a"),
        DraftRecipient(number(0), reference="b"),
        DraftRecipient(number(0)),
        DraftRecipient(number(0), reference="a"),
        DraftRecipient(number(1), reference="a"),
        DraftRecipient(number(0)),
    ]
    policy = Policy(duplicates=Duplicates.SKIP_EQUAL)
    messages = composed(draft(people, policy=policy)).messages
    assert [m.position for m in messages if m.status is MessageStatus.SKIPPED] == [3, 5]
    assert {messages[3].reason, messages[5].reason} == {"duplicate"}


def test_a_literal_text_keeps_what_looks_like_a_tag() -> None:
    drafted = draft(1, text="Use {{name}} twice", policy=Policy(literal=True))
    assert composed(drafted).messages[0].text == "Use {{name}} twice"
