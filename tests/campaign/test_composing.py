"""How a draft becomes messages, and what it is refused for."""

import gc
import tracemalloc
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.composing import compose
from campaign.credits import MessageKind
from campaign.due_instants import base_instant
from campaign.instants import HOUR, MINUTE
from campaign.model import Draft, DraftRecipient, Duplicates, Policy
from campaign.phone import OfflineLookup
from campaign.refusals import SHOWN_MAX, RefusalCode, Refused
from campaign.states import MessageStatus
from tests.campaign.making import (
    NOW,
    SENDER,
    composed,
    draft,
    ids,
    number,
    recipients,
    result,
)


def faults(caught: pytest.ExceptionInfo[Refused]) -> dict[str, RefusalCode]:
    """What was refused, by place."""
    return {refusal.place: refusal.code for refusal in caught.value.refusals}


def test_a_message_takes_from_the_campaign_what_its_recipient_leaves_open() -> None:
    own = DraftRecipient(
        number(1),
        text="Just for you",
        media_url="https://media.example/a.png",
        sender="72345",
        key="key-1",
        reference="ref-1",
    )
    plain, special = composed(draft([DraftRecipient(number(0)), own])).messages
    assert (plain.text, plain.sender, plain.media_url) == ("Your order has shipped", SENDER, None)
    assert (special.text, special.sender) == ("Just for you", "72345")
    assert (special.media_url, special.key, special.reference) == (
        "https://media.example/a.png",
        "key-1",
        "ref-1",
    )


def test_positions_and_ids_follow_the_order_of_the_request() -> None:
    messages = composed(draft(3)).messages
    assert [(m.position, m.id) for m in messages] == [(0, "msg_0"), (1, "msg_1"), (2, "msg_2")]
    assert [m.to for m in messages] == [number(0), number(1), number(2)]
    assert {m.status for m in messages} == {MessageStatus.QUEUED}


def test_media_makes_an_mms_and_its_text_may_be_empty() -> None:
    media = "https://media.example/cat.gif"
    sms, mms = composed(
        draft([DraftRecipient(number(0)), DraftRecipient(number(1), text="", media_url=media)])
    ).messages
    assert (sms.kind, mms.kind, mms.text) == (MessageKind.SMS, MessageKind.MMS, "")


def test_fields_are_filled_in_before_segments_are_counted() -> None:
    people = [DraftRecipient(number(0), fields={"name": "x" * 200})]
    (message,) = composed(draft(people, text="Hi {{name}}")).messages
    assert (message.text, message.segments) == ("Hi " + "x" * 200, 2)


def test_an_empty_text_of_a_recipient_goes_before_the_campaigns() -> None:
    with pytest.raises(Refused) as caught:
        composed(draft([DraftRecipient(number(0), text="")]))
    assert faults(caught) == {"recipients[0].text": RefusalCode.CONTENT_MISSING}


def test_the_accounts_sender_is_used_where_nobody_names_one() -> None:
    composed = compose(draft(1, sender=None), NOW, "GODWIT", OfflineLookup(), ids())
    assert composed.messages[0].sender == "GODWIT"


def test_a_campaign_without_any_sender_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        composed(draft(1, sender=None))
    assert faults(caught) == {"recipients[0].sender": RefusalCode.FIELD_MISSING}


def test_what_can_be_no_sender_and_no_number_is_refused_with_its_place() -> None:
    people = [DraftRecipient(number(0)), DraftRecipient("+1234567", sender="much too long a name")]
    with pytest.raises(Refused) as caught:
        composed(draft(people))
    assert faults(caught) == {
        "recipients[1].to": RefusalCode.NUMBER_INVALID,
        "recipients[1].sender": RefusalCode.SENDER_INVALID,
    }


def test_missing_fields_are_named_and_refused() -> None:
    with pytest.raises(Refused) as caught:
        composed(draft(1, text="Hi {{first}} {{last}} {{first}}"))
    (refusal,) = caught.value.refusals
    assert (refusal.code, refusal.place) == (RefusalCode.FIELDS_MISSING, "recipients[0].fields")
    assert "first, last" in refusal.message


def test_the_lookup_is_kept_on_the_message() -> None:
    (message,) = composed(draft([DraftRecipient("+447912345678")])).messages
    assert (message.country, message.line_type) == ("GB", "mobile")


def test_faults_of_several_rules_are_told_at_once() -> None:
    people = [DraftRecipient(number(0), key="k"), DraftRecipient(number(1), text="bell \x07")]
    with pytest.raises(Refused) as caught:
        composed(draft(people, spread_hours=1_000.0))
    assert set(faults(caught).values()) == {
        RefusalCode.KEY_INVALID,
        RefusalCode.CHARACTERS_INVALID,
        RefusalCode.SPREAD_INVALID,
    }


def test_a_thousand_faults_of_one_kind_are_told_as_a_readable_number() -> None:
    with pytest.raises(Refused) as caught:
        composed(draft(1_000, sender=None))
    assert len(caught.value.refusals) == SHOWN_MAX


@pytest.mark.parametrize(
    "members",
    [{"sender": None}, {"text": "{{who}}"}, {"text": "\x07secret"}, {"text": "secret" * 300}],
)
def test_no_refusal_repeats_a_number_or_a_text(members: Mapping[str, object]) -> None:
    people = [*recipients(2), DraftRecipient("+1234567")]
    with pytest.raises(Refused) as caught:
        composed(draft(people, **members))
    result = str([str(caught.value), *map(repr, caught.value.refusals)])
    assert "secret" not in result
    assert number(0) not in result
    assert "1234567" not in result


def test_a_number_named_twice_is_sent_to_once() -> None:
    people = [DraftRecipient(number(0)), DraftRecipient(number(1)), DraftRecipient(number(0))]
    messages = composed(draft(people)).messages
    assert [m.status for m in messages] == ["queued", "queued", "skipped"]
    assert messages[2].reason == "duplicate"


def test_a_number_named_twice_is_sent_to_twice_where_the_policy_allows_it() -> None:
    people = [DraftRecipient(number(0)), DraftRecipient(number(0))]
    messages = composed(draft(people, policy=Policy(duplicates=Duplicates.ALLOW))).messages
    assert [m.status for m in messages] == ["queued", "queued"]


def test_a_campaign_without_a_schedule_is_due_when_it_came_in() -> None:
    assert base_instant(draft(), NOW) == NOW
    assert [m.due_at for m in composed(draft(3)).messages] == [NOW] * 3


def test_a_schedule_of_minutes_ago_means_now() -> None:
    assert base_instant(draft(scheduled_at=NOW - MINUTE), NOW) == NOW
    past = composed(draft(scheduled_at=NOW - 59 * MINUTE)).messages
    assert [m.due_at for m in past] == [NOW]


def test_a_spread_counts_from_the_schedule() -> None:
    at = NOW + HOUR
    messages = composed(draft(4, scheduled_at=at, spread_hours=2.0)).messages
    assert [m.due_at - at for m in messages] == [0, 30 * MINUTE, 60 * MINUTE, 90 * MINUTE]


def test_a_recipient_with_an_hour_of_its_own_is_not_spread() -> None:
    late = DraftRecipient(number(1), scheduled_at=NOW + 5 * HOUR)
    past = DraftRecipient(number(2), scheduled_at=NOW - MINUTE)
    people = [DraftRecipient(number(0)), late, past, DraftRecipient(number(3))]
    messages = composed(draft(people, spread_hours=1.0)).messages
    assert [m.due_at - NOW for m in messages] == [0, 5 * HOUR, 0, 30 * MINUTE]
    assert [m.scheduled_at is None for m in messages] == [True, False, False, True]


def test_skipped_duplicates_take_no_place_in_a_spread() -> None:
    people = [DraftRecipient(number(index // 2)) for index in range(8)]
    messages = composed(draft(people, spread_hours=4.0)).messages
    sent = [m.due_at - NOW for m in messages if m.status is MessageStatus.QUEUED]
    assert sent == [0, HOUR, 2 * HOUR, 3 * HOUR]


@given(st.integers(1, 60), st.floats(0, 72), st.integers(0, 10) | st.none())
def test_every_message_of_any_campaign_is_due_inside_its_window(
    count: int, spread: float, hours: int | None
) -> None:
    at = None if hours is None else NOW + hours * HOUR
    campaign = composed(draft(count, scheduled_at=at, spread_hours=spread))
    start = base_instant(campaign.draft, NOW)
    assert len(campaign.messages) == count
    assert all(start <= m.due_at <= start + spread * HOUR for m in campaign.messages)


def refused_texts(people: list[DraftRecipient], text: str, **options: object) -> list[str]:
    """What the texts of a draft are refused for."""
    with pytest.raises(Refused) as caught:
        composed(draft(people, text=text, **options))
    long = RefusalCode.CONTENT_TOO_LONG
    return [refusal.message for refusal in caught.value.refusals if refusal.code is long]


def test_a_template_that_fills_to_far_too_much_is_refused_without_being_built() -> None:
    people = [DraftRecipient(number(index), fields={"A": "x" * 3_000}) for index in range(100)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    messages = refused_texts(people, "{{A}}" * 320)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert messages == ["the text has 960000 characters, at most 1600 are allowed"] * SHOWN_MAX
    # The texts would be 96 MB.
    assert peak < 10_000_000


def test_a_text_of_ten_million_characters_is_refused_and_not_kept() -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for index in range(5):
        messages = refused_texts([DraftRecipient(number(0))], f"{index}" + "y" * 9_999_999)
        assert messages == ["the text has 10000000 characters, at most 1600 are allowed"]
    # The test's own record of what was raised.
    gc.collect()
    after = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert after < 5_000_000


def test_texts_that_are_too_long_until_their_links_are_shortened_do_not_fill_memory() -> None:
    fields = {"A": "x" * 1_600}
    people = [DraftRecipient(number(index), fields=fields) for index in range(3_000)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    text = "https://example.com/ " + "{{A}}" * 12
    messages = refused_texts(people, text, shorten_urls=True)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert len(messages) >= 1
    # The texts would be 58 MB, and a message takes half a kilobyte.
    assert peak < 50_000_000


def test_a_template_may_be_longer_than_its_text() -> None:
    text = "{{A_LONG_NAME_OF_A_FIELD}}" * 200 + "end"
    people = [DraftRecipient(number(0), fields={"A_LONG_NAME_OF_A_FIELD": "abcdefg"})]
    (message,) = composed(draft(people, text=text)).messages
    assert message.text == "abcdefg" * 200 + "end"


def test_a_tag_without_its_field_is_named_whatever_its_script() -> None:
    with pytest.raises(Refused) as refused:
        composed(draft(1, text="Hi {{First Name}} {{Prénom}}"))
    (refusal,) = refused.value.refusals
    assert (refusal.code, refusal.place) == (RefusalCode.FIELDS_MISSING, "recipients[0].fields")
    assert "First Name, Prénom" in refusal.message


def test_braces_that_are_no_tag_are_refused_once_where_they_stand() -> None:
    people = [*recipients(30), DraftRecipient(number(30), text="{{}}")]
    with pytest.raises(Refused) as refused:
        composed(draft(people, text="Hi {{NAME"))
    assert result(refused.value.refusals) == [
        (RefusalCode.FIELD_INVALID, "text"),
        (RefusalCode.FIELD_INVALID, "recipients[30].text"),
    ]


def test_a_text_is_counted_and_kept_in_its_composed_form() -> None:
    (message,) = composed(draft(1, text="e\u0301" * 150)).messages
    assert (message.text, message.segments) == ("é" * 150, 1)


def test_a_long_text_that_is_short_when_composed_is_taken() -> None:
    policy = Policy(text_length_max=160)
    (message,) = composed(draft(1, text="e\u0301" * 160, policy=policy)).messages
    assert len(message.text) == 160


def test_isolates_in_a_value_are_dropped_and_an_override_is_refused() -> None:
    def to(name: str) -> Draft:
        return draft(recipients(1, fields={"NAME": name}), text="Hi {{NAME}}")

    assert composed(to("\u2068Ann\u2069")).messages[0].text == "Hi Ann"
    with pytest.raises(Refused) as refused:
        composed(to("\u202eAnn"))
    assert refused.value.refusals[0].code is RefusalCode.CHARACTERS_INVALID


def test_a_value_of_nothing_visible_is_no_text() -> None:
    people = [
        *recipients(1, fields={"NAME": "Bo"}),
        DraftRecipient(number(1), fields={"NAME": " "}),
    ]
    with pytest.raises(Refused) as refused:
        composed(draft(people, text="{{NAME}}"))
    assert result(refused.value.refusals) == [(RefusalCode.CONTENT_MISSING, "recipients[1].text")]


def test_a_message_to_its_own_sender_is_refused_for_that_recipient() -> None:
    with pytest.raises(Refused) as refused:
        composed(draft(3, sender=number(1)))
    assert result(refused.value.refusals) == [(RefusalCode.NUMBER_INVALID, "recipients[1].to")]


def test_a_member_of_a_list_who_is_the_sender_fails_alone() -> None:
    people = recipients(3, mailing_list="list")
    messages = composed(draft(people, sender=number(1))).messages
    assert [message.status for message in messages] == [
        MessageStatus.QUEUED,
        MessageStatus.FAILED,
        MessageStatus.QUEUED,
    ]
    assert messages[1].reason == "own_sender"


def test_an_address_of_media_is_kept_in_ascii() -> None:
    url = "https://exämple.example/ü.png"
    (message,) = composed(draft(1, media_url=url)).messages
    assert message.media_url == "https://xn--exmple-cua.example/%C3%BC.png"
