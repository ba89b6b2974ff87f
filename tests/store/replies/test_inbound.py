"""Inbound texts: kept once for whom they concern, linked, counted, reported and listed."""

from dataclasses import replace

import pytest

from campaign.events import Event
from campaign.handoffs import Inbound
from campaign.inbound import InboundMessage
from campaign.instants import DAY, MINUTE, SECOND, Instant
from campaign.leases import LEASE_FOR, LeaseRequest
from store.replies.inbound import InboundFilter, Taken
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, number
from tests.store.racing import race

WRITER = number(0)
YES = Inbound(WRITER, SENDER, "YES", NOW + MINUTE, "SM1")


def take(builder: StoreBuilder, text: Inbound = YES, now: Instant = NOW + MINUTE) -> Taken:
    """Bring a text."""
    return builder.store.inbound.take(text, "twilio", now)


def only(taken: Taken) -> InboundMessage:
    """The text as the only account has it."""
    (message,) = taken.messages
    return message


def listed(builder: StoreBuilder, **wanted: object) -> list[str]:
    """The bodies of the account's texts, newest first."""
    found = builder.store.inbound.list(builder.account_id, InboundFilter(**wanted))  # type: ignore[arg-type]
    return [message.body for message in found]


def replies(builder: StoreBuilder, campaign_id: str) -> int:
    """The count of replies of a campaign."""
    view = builder.store.campaigns.get(campaign_id)
    assert view is not None
    return view.replies


def test_a_text_to_a_number_of_an_account_is_kept_linked_and_counted(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(2)
    builder.send(campaign)
    message = only(take(builder))
    assert (message.writer, message.number, message.body) == (WRITER, SENDER, "YES")
    assert (message.received_at, message.carrier) == (NOW + MINUTE, "twilio")
    assert (message.campaign_id, message.message_id) == (campaign, f"{campaign}-0")
    assert builder.store.inbound.list(builder.account_id, InboundFilter()) == [message]
    assert replies(builder, campaign) == 1
    view = builder.store.campaigns.get(campaign)
    assert view is not None and view.tally.total == 2 == view.tally.sent


def test_a_text_that_answers_nothing_is_kept_without_a_link(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    message = only(take(builder))
    assert (message.campaign_id, message.message_id) == (None, None)
    assert listed(builder) == ["YES"] and replies(builder, campaign) == 0


def test_the_same_id_of_a_carrier_is_one_text_whatever_else_it_says(
    builder: StoreBuilder, rival_store: Store
) -> None:
    campaign = builder.admit(1)
    builder.send(campaign)
    builder.store.endpoints.add(
        builder.account_id, "https://a.example", ["message.received"], "native", NOW
    )
    stores = (builder.store, rival_store)
    texts = [replace(YES, at=NOW + run * SECOND) for run in range(20)]
    found = race(
        20, lambda run: stores[run % 2].inbound.take(texts[run], "twilio", NOW + run * SECOND)
    )
    assert len({only(taken) for taken in found}) == 1
    assert take(builder, replace(YES, body="Another body")).messages == found[0].messages
    assert (listed(builder), replies(builder, campaign)) == (["YES"], 1)
    assert builder.value("SELECT count(*) FROM callback") == 1
    take(builder, replace(YES, carrier_id="SM2"))
    assert builder.store.inbound.take(YES, "vonage", NOW).messages != found[0].messages
    assert len(listed(builder)) == 3


def test_a_text_of_a_later_time_than_ours_happened_now(builder: StoreBuilder) -> None:
    late = replace(YES, at=4_070_908_800_000)  # 2099
    assert only(take(builder, late)).received_at == NOW + MINUTE
    assert only(take(builder, late, NOW + DAY)).received_at == NOW + MINUTE


def test_a_text_answers_what_was_sent_last_before_it(builder: StoreBuilder) -> None:
    before, after = builder.admit(1), builder.admit(1)
    builder.send(before)
    builder.send(after, NOW + 2 * MINUTE)
    taken = only(take(builder, now=NOW + 3 * MINUTE))
    assert taken.campaign_id == before
    late = replace(YES, at=NOW + 3 * MINUTE, carrier_id="SM2")
    assert only(take(builder, late, NOW + 3 * MINUTE)).campaign_id == after


@pytest.mark.parametrize("written", ["0018005559876", "18005559876", " +1 (800) 555-9876"])
def test_a_number_is_ours_however_it_is_written(builder: StoreBuilder, written: str) -> None:
    text = replace(YES, sender="0014155550000", to=written)
    assert (only(take(builder, text)).writer, only(take(builder, text)).number) == (WRITER, SENDER)


def test_of_several_recipients_the_one_that_is_ours_counts(builder: StoreBuilder) -> None:
    group = replace(YES, to="+14155550177", also_to=("+14155550178", SENDER, "+14155550179"))
    assert only(take(builder, group)).number == SENDER
    assert take(builder, replace(group, also_to=("+14155550178",))) == Taken()


def test_pictures_are_kept_with_their_addresses(builder: StoreBuilder) -> None:
    urls = ("https://media.example/1.jpg", "https://media.example/2.jpg")
    picture = replace(YES, body="", media_urls=urls)
    message = only(take(builder, picture))
    assert (message.media_urls, message.body, message.is_blank) == (urls, "", False)
    assert message.text == "https://media.example/1.jpg\nhttps://media.example/2.jpg"
    assert only(take(builder, picture)) == message


def test_every_webhook_that_wants_texts_is_told_and_one_of_another_account_is_not(
    builder: StoreBuilder,
) -> None:
    other, _ = builder.store.accounts.create("other", NOW)
    endpoints, account = builder.store.endpoints, builder.account_id
    wanted = {
        endpoints.add(account, "https://a.example", events, dialect, NOW)[0].id
        for events, dialect in (
            (["message.received"], "native"),
            (["message.*"], "mobivate"),
            (["*"], "textingline"),
        )
    }
    endpoints.add(account, "https://a.example", ["campaign.*"], "native", NOW)
    endpoints.add(other.id, "https://a.example", ["*"], "native", NOW)
    notified: list[str] = []
    builder.store.outbox.on_commit = lambda found: notified.extend(one.id for one in found)
    campaign = builder.admit(1)
    builder.send(campaign)
    builder.execute("DELETE FROM callback")
    notified.clear()
    message = only(take(builder))
    assert set(notified) == wanted and len(notified) == 3
    ids = builder.store.database.read(
        lambda connection: connection.exec_driver_sql("SELECT id FROM callback").scalars().all()
    )
    events = [builder.store.events.read(id, NOW) for id in ids]
    for signed_event in events:
        assert signed_event is not None and signed_event.secrets
        event = signed_event.event
        assert (event.event, event.inbound) == (Event.MESSAGE_RECEIVED, message)
        assert event.campaign is not None and event.campaign.id == campaign
        assert event.message is not None and event.message.id == message.message_id


def test_a_text_that_answers_nothing_is_told_too(builder: StoreBuilder) -> None:
    builder.store.endpoints.add(builder.account_id, "https://a.example", ["*"], "native", NOW)
    message = only(take(builder))
    id = str(builder.value("SELECT id FROM callback"))
    signed_event = builder.store.events.read(id, NOW)
    assert signed_event is not None and signed_event.event.inbound == message
    assert (signed_event.event.campaign, signed_event.event.message) == (None, None)


def test_the_list_is_filtered_and_paged_newest_first(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.send(campaign)
    for index in range(5):
        sender = number(index % 2 if index < 4 else 9)
        text = Inbound(sender, SENDER, f"text {index}", NOW + index // 2 * MINUTE, f"SM{index}")
        take(builder, text, NOW + DAY)
    everything = listed(builder)
    assert sorted(everything) == [f"text {index}" for index in range(5)]
    assert everything[0] == "text 4" and set(everything[3:]) == {"text 0", "text 1"}
    assert listed(builder, writer=number(1)) == ["text 3", "text 1"]
    assert listed(builder, campaign_id=campaign) == everything[1:]
    assert listed(builder, number="+18005550000") == listed(builder, campaign_id="cmp_x") == []
    assert listed(builder, since=NOW + MINUTE, number=SENDER) == everything[:3]
    seen: list[str] = []
    before = None
    while page := builder.store.inbound.list(builder.account_id, InboundFilter(), 2, before):
        seen += [message.body for message in page]
        before = (page[-1].received_at, page[-1].id)
    assert seen == everything
    other, _ = builder.store.accounts.create("other", NOW)
    assert builder.store.inbound.list(other.id, InboundFilter()) == []


def leased_message(builder: StoreBuilder, account_id: str, now: Instant, pool: str) -> None:
    """A message of an account to the writer from a leased number, which was sent."""
    store = builder.store
    store.leases.add_number(pool, "US", NOW)
    lease_request = LeaseRequest(WRITER, account_id, now + LEASE_FOR)
    assert store.leases.claim(account_id, [lease_request], now) == [pool]
    leaser = StoreBuilder(store, account_id)
    composed = leaser.composed(1, prefix=f"leased-{account_id}")
    composed.messages[0].sender = pool
    store.campaigns.save(composed, f"cmp_leased_{account_id}")
    builder.execute(
        "UPDATE message SET status = 'sent', sent_at = :at WHERE id = :id",
        at=now,
        id=f"leased-{account_id}-0",
    )


def test_a_stop_concerns_everybody_who_wrote_from_the_number_and_one_has_the_text(
    builder: StoreBuilder,
) -> None:
    store, pool = builder.store, "+18005550111"
    other, _ = store.accounts.create("other", NOW)
    to_pool = replace(YES, to=pool)
    leased_message(builder, builder.account_id, NOW, pool)
    taken = take(builder, to_pool, NOW + LEASE_FOR + DAY)
    assert taken.accounts == {builder.account_id}
    assert [message.account_id for message in taken.messages] == [builder.account_id]
    later = NOW + LEASE_FOR + DAY
    leased_message(builder, other.id, later, pool)
    taken = take(builder, replace(to_pool, at=later + MINUTE, carrier_id="SM2"), later + DAY)
    assert taken.accounts == {builder.account_id, other.id}
    assert [message.account_id for message in taken.messages] == [other.id]
    store.leases.remove_number(pool)
    taken = take(builder, replace(to_pool, at=later + DAY, carrier_id="SM3"), later + DAY)
    assert taken.accounts == {builder.account_id, other.id}
    assert [message.account_id for message in taken.messages] == [other.id]
    assert take(builder, replace(to_pool, sender=number(5))) == Taken()


def test_a_text_to_a_removed_sender_still_concerns_who_wrote_from_it(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1)
    builder.send(campaign)
    builder.store.senders.remove(builder.account_id, SENDER)
    taken = take(builder)
    assert taken.accounts == {builder.account_id} and only(taken).campaign_id == campaign
    assert take(builder, replace(YES, sender=number(7))) == Taken()
