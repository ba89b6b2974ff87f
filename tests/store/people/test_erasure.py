"""A person is erased from every table, and nothing else changes with it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from campaign.expanding import Member
from campaign.handoffs import Inbound, Repeats
from campaign.instants import DAY, SECOND
from campaign.keywords import Keyword, OptOutEvidence
from campaign.leases import LeaseRequest
from campaign.model import Link
from campaign.people import ERASED, Erasure, PersonOptOut
from campaign.ports import ChunkRange
from campaign.replies import ReplyOptions
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from store.people.erasure import STATEMENTS
from store.store import Store
from store.tables import METADATA
from tests.store.builders import GRANTED, LEASE, NOW, StoreBuilder, number, outcome
from tests.store.racing import race

PERSON = number(1)
DIGITS = PERSON.removeprefix("+")
TEXT = "Order 1 has shipped"
# Tables without numbers and texts of people, each with what it has instead.
IMPERSONAL = {
    "account": "customers of ours",
    "api_key": "secrets, encrypted",
    "brake": "accounts and instants",
    "carrier_state": "carriers",
    "credit": "balances",
    "draft_campaign": "texts and choices of the account, before they are anybody's",
    "erased_number": "keyed hashes",
    "hold": "amounts",
    "keyword_setting": "words and answers of the account",
    "ledger_entry": "amounts and ids",
    "link_click": "ids and instants",
    "message_count": "states, codes and counts",
    "nonce": "keys and nonces",
    "preparation": "texts of the account and ids of its lists",
    "pool_number": "numbers of ours",
    "quota_day": "counts",
    "rate": "senders and campaigns",
    "removed_attempt": "carriers, codes and counts",
    "removed_click": "counts",
    "removed_message": "states, codes, countries and counts",
    "sender": "numbers of ours",
    "sender_owner": "numbers of ours",
    "webhook": "addresses of customers",
    # Through the statements on which erasures of campaigns and lists are made by hand.
    "campaign": "erased where its name or key has the number",
    "campaign_key": "erased where it has the number",
    "list_member": "erased with the size of its list",
    "mailing_list": "names and sizes",
}


def everything(store: Store) -> str:
    """All rows of all tables as text, and the files of an SQLite database."""

    def work(connection: Connection) -> Iterator[str]:
        for table in METADATA.tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                yield repr(tuple(row))

    found = "\n".join(store.database.read(lambda connection: list(work(connection))))
    if store.database.is_sqlite:
        assert store.database.checkpoint()
        path = Path(store.database.url.removeprefix("sqlite:///"))
        for file in sorted(path.parent.glob(f"{path.name}*")):
            # A process that waits to write is woken through a pipe, which has no end.
            if file.is_file():
                found += file.read_bytes().decode("latin-1")
    return found


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "unknown", "failed", "retryable"])
def test_nothing_is_left_of_a_person_whatever_became_of_the_message(
    builder: StoreBuilder, any_store: Store, status: str
) -> None:
    campaign = builder.admit(3, keys=["key 0", f"key {DIGITS}", "key 2"], name=f"For {DIGITS}")
    if status != "queued":
        claimed = builder.claimed(campaign)
        assert claimed == [0, 1, 2]
        if status != "sending":
            due = NOW + SECOND if status == "retryable" else None
            ends = [outcome(p, MessageStatus(status), due_at=due) for p in range(3)]
            builder.write(campaign, *ends)
    assert DIGITS in everything(any_store)
    erasure = any_store.eraser.erase(builder.account_id, PERSON, NOW)
    assert erasure.messages == 1
    assert erasure.skipped == (status in ("queued", "retryable"))
    assert list(erasure.under_way) == ([(campaign, 1)] if status == "sending" else [])
    left = everything(any_store)
    assert DIGITS not in left and TEXT not in left
    assert number(0) in left and "Order 2 has shipped" in left
    assert audit(any_store.database).findings == ()
    after = "skipped" if status in ("queued", "retryable") else status
    assert builder.statuses(campaign) == [status, after, status]


def test_a_claim_that_came_first_is_recorded_and_gets_no_further_try(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = builder.admit(4)
    assert builder.claimed(campaign) == [0, 1, 2, 3]
    for position in (1, 2):
        any_store.eraser.erase(builder.account_id, number(position), NOW)
    assert any_store.eraser.under_way([(campaign, 1), (campaign, 2)], NOW) == 2
    assert any_store.eraser.under_way([(campaign, 1)], NOW + LEASE + 1) == 0
    put_off = outcome(2, MessageStatus.RETRYABLE, due_at=NOW + SECOND)
    builder.write(campaign, outcome(1), put_off)
    again = builder.flush_and_claim(campaign, now=NOW + SECOND)
    assert (again.claimed, again.skipped) == ([], 1)
    assert builder.statuses(campaign) == ["sending", "sent", "skipped", "sending"]
    builder.write(campaign, outcome(0), outcome(3))
    _, tally = any_store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert (tally.sent, tally.skipped) == (3, 1)
    assert builder.money() == (GRANTED - 3 * 2, 0, 3 * 2)
    assert audit(any_store.database).findings == ()


def test_what_a_dead_worker_left_of_an_erased_person_is_not_tried_again(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = builder.admit(2)
    builder.claimed(campaign)
    any_store.eraser.erase(builder.account_id, PERSON, NOW)
    chunk = ChunkRange(campaign, 0, 2, NOW)
    assert any_store.sending.renew(chunk, "t", 0, NOW + LEASE)
    assert not any_store.sending.renew(chunk, "t", 1, NOW + LEASE)
    left, _ = any_store.sending.abandoned(chunk, "another")
    assert [(one.to, one.text) for one in left][1] == (ERASED, "")
    builder.write(campaign, outcome(0), outcome(1, MessageStatus.UNKNOWN))
    for repeats in Repeats:
        assert any_store.resolving.reopen_unknown(campaign, {"": repeats}, NOW) == 0
    assert any_store.resolving.resolve(campaign, f"{campaign}-1", False, NOW) == "failed"
    assert audit(any_store.database).findings == ()


def test_credits_of_waiting_messages_come_back_at_once_and_only_once(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = builder.admit(3)
    draft = builder.save(3)
    assert builder.money() == (GRANTED - 6, 6, 0)
    assert any_store.eraser.erase(builder.account_id, PERSON, NOW).skipped == 2
    assert builder.money() == (GRANTED - 4, 4, 0)
    assert any_store.eraser.erase(builder.account_id, PERSON, NOW) == Erasure(0, 0, 0, 0, [])
    assert any_store.eraser.erase(builder.account_id, number(2), NOW).skipped == 2
    assert builder.send(campaign) == [0]
    assert any_store.admissions.hold(draft, NOW) is None
    any_store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert builder.money() == (GRANTED - 4, 2, 2)
    assert audit(any_store.database).findings == ()


def test_an_erased_number_stays_opted_out_until_it_is_opted_in(
    builder: StoreBuilder, any_store: Store
) -> None:
    opt_outs, account = any_store.opt_outs, builder.account_id
    assert opt_outs.add(account, PERSON, "inbound", NOW)
    any_store.eraser.erase(account, f" {PERSON[:2]} {PERSON[2:]}", NOW)
    assert opt_outs.list(account) == [] and opt_outs.contains(account, PERSON)
    admitted = builder.save(3)
    assert any_store.admissions.skip_opted_out(admitted, NOW) == 1
    assert builder.statuses(admitted) == ["queued", "skipped", "queued"]
    late = builder.admit(3)
    assert builder.send(late) == [0, 2]
    reasons = [one.reason for one in any_store.campaigns.messages(late)]
    assert reasons == [None, "opted_out", None]
    assert any_store.sending.wants_nothing(late, PERSON)
    assert builder.send(builder.admit(3, exclude_opt_outs=False)) == [0, 1, 2]
    assert opt_outs.remove(account, PERSON) and not opt_outs.remove(account, PERSON)
    assert builder.send(builder.admit(3)) == [0, 1, 2]


def test_a_retry_sends_nothing_to_an_erased_person(builder: StoreBuilder, any_store: Store) -> None:
    campaign = builder.admit(3)
    builder.claimed(campaign)
    failed = [outcome(p, MessageStatus.FAILED, code="http_503") for p in range(3)]
    builder.write(campaign, *failed)
    any_store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
    any_store.eraser.erase(builder.account_id, PERSON, NOW)
    assert any_store.retrying.retry(campaign, NOW).result is Retried.AGAIN
    assert builder.send(campaign) == [0, 2]


def test_another_account_keeps_the_person(builder: StoreBuilder, any_store: Store) -> None:
    other = StoreBuilder(any_store, any_store.accounts.create("other", 0, GRANTED, GRANTED)[0].id)
    kept = other.composed(3, prefix="kept")
    any_store.campaigns.save(kept, "kept")
    any_store.lists.create(other.account_id, "theirs", "theirs", NOW)
    any_store.lists.add(other.account_id, "theirs", [Member(PERSON, {"NAME": "Ada"})], NOW)
    any_store.eraser.erase(builder.account_id, PERSON, NOW)
    assert [one.to for one in any_store.campaigns.messages("kept")][1] == PERSON
    person = any_store.people.show(other.account_id, PERSON)
    assert (len(person.messages), person.opt_outs) == (1, [])
    assert person.mailing_lists[0].fields == {"NAME": "Ada"}


def leased(builder: StoreBuilder, store: Store, to: str, text_to: str) -> tuple[str, str]:
    """A sent message from a leased number whose replies go to ``text_to``; its campaign, number."""
    store.leases.add_number("+12125550100", "US", NOW)
    request = LeaseRequest(to, "p", NOW + 30 * DAY, "US")
    (pool_number,) = store.leases.claim(builder.account_id, [request], NOW)
    assert isinstance(pool_number, str)
    composed = builder.composed(1, prefix="leased")
    (message,) = composed.messages
    message.to, message.sender = to, pool_number
    message.callback_url, message.callback_method = f"https://shop.example/{to}", "POST"
    message.reference, message.media_url = f"ref {to}", f"https://shop.example/{to}.png"
    message.replies = ReplyOptions(leased=True, to_number=text_to, to_email="ann@shop.example")
    composed = replace(composed, links=[Link("0123456789", message.id, f"https://x.example/{to}")])
    store.campaigns.save(composed, "leased")
    assert store.admissions.hold("leased", NOW) is None
    for status in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
        store.campaigns.set_status("leased", status, NOW)
    builder.send("leased")
    return "leased", pool_number


def test_replies_leases_lists_links_and_forwarded_texts_are_erased_too(
    builder: StoreBuilder, any_store: Store
) -> None:
    account, boss = builder.account_id, "+14155559999"
    _, pool_number = leased(builder, any_store, PERSON, boss)
    any_store.links.click("0123456789", NOW)
    inbound = Inbound(PERSON, pool_number, "My secret is Rosebud", NOW)
    (kept,) = any_store.inbound.take(inbound, "pretend", NOW).messages
    assert kept.account_id == account
    forwarded = builder.composed(1, prefix="fwd", key=f"reply:{kept.id}")
    forwarded.messages[0].to, forwarded.messages[0].text = boss, f"{PERSON}: Rosebud"
    any_store.campaigns.save(forwarded, "fwd")
    for name in ("one", "two"):
        any_store.lists.create(account, name, name, NOW)
        people = [Member(PERSON, {"NAME": "Rosebud"}), Member(boss, {})]
        any_store.lists.add(account, name, people, NOW)
    person = any_store.people.show(account, PERSON)
    assert [one.message.text for one in person.messages] == ["Order 0 has shipped"]
    assert [(one.to, one.text) for one in person.replies] == [(pool_number, inbound.body)]
    assert [one.url for one in person.clicks] == [f"https://x.example/{PERSON}"]
    assert sorted(one.list_id for one in person.mailing_lists) == ["one", "two"]
    assert set(person.totals.values()) == {0, 1, 2}
    erasure = any_store.eraser.erase(account, PERSON, NOW)
    assert erasure == Erasure(2, 1, 1, 2, [])
    left = everything(any_store)
    assert DIGITS not in left and "Rosebud" not in left and boss in left
    assert any_store.lists.sizes(account, ["one", "two"]) == {"one": 1, "two": 1}
    assert builder.value("SELECT clicks FROM link") == 1
    # The carrier repeats itself: it is the same reply, and stays erased.
    any_store.inbound.take(inbound, "pretend", NOW)
    assert "Rosebud" not in everything(any_store)
    assert any_store.people.show(account, PERSON).opt_outs == [PersonOptOut(ERASED, NOW)]
    any_store.eraser.erase(account, boss, NOW)
    assert boss not in everything(any_store)
    assert audit(any_store.database).findings == ()


@pytest.mark.parametrize("first", ["erase", "claim", "flush"])
def test_an_erasure_and_a_chunk_that_meet_leave_one_story(
    builder: StoreBuilder, any_store: Store, rival_store: Store, first: str
) -> None:
    for index in range(3):
        campaign = builder.admit(20, keys=[f"{index}-{number(p)}" for p in range(20)])
        if first == "flush":
            assert len(builder.claimed(campaign)) == 20 - index

        def work(actor: int, campaign: str = campaign, index: int = index) -> None:
            if actor == 0:
                any_store.eraser.erase(builder.account_id, number(index), NOW)
            elif first == "flush":
                builder.write(campaign, *(outcome(p) for p in range(20)))
            else:
                builder.flush_and_claim(campaign, store=rival_store)

        race(2, work)
        assert audit(any_store.database).findings == ()
        state = builder.statuses(campaign)[index]
        assert state in (("sent",) if first == "flush" else ("sending", "skipped"))
        assert number(index) not in everything(any_store)


def test_pages_that_were_written_over_and_over_keep_nothing(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = builder.admit(1_500)
    for low in range(0, 1_500, 150):
        claimed = builder.flush_and_claim(campaign, low=low, high=low + 150).claimed
        builder.write(campaign, *(outcome(one.position) for one in claimed))
    for position in range(0, 1_500, 100):
        any_store.eraser.erase(builder.account_id, number(position), NOW)
    left = everything(any_store)
    for position in range(0, 1_500, 100):
        assert number(position) not in left and f"Order {position} has" not in left


def test_every_table_is_erased_or_named_as_free_of_people() -> None:
    erased = {table for table, _ in STATEMENTS}
    assert erased.isdisjoint(IMPERSONAL)
    assert set(METADATA.tables) == erased | set(IMPERSONAL)


def test_the_evidence_of_a_stop_is_erased_and_only_a_later_start_undoes_it(
    builder: StoreBuilder, any_store: Store
) -> None:
    opt_outs, account = any_store.opt_outs, builder.account_id
    evidence = OptOutEvidence("inbound", "pretend", "+18005559876", "Stop it, says Rosebud", None)
    assert opt_outs.apply(account, PERSON, Keyword.STOP, NOW, "stop", evidence, NOW)
    any_store.eraser.erase(account, PERSON, NOW + SECOND)
    left = everything(any_store)
    assert DIGITS not in left and "Rosebud" not in left
    start = (evidence, NOW + DAY)
    assert not opt_outs.apply(account, PERSON, Keyword.START, NOW + SECOND // 2, "late", *start)
    assert opt_outs.contains(account, PERSON)
    assert opt_outs.apply(account, PERSON, Keyword.START, NOW + 2 * SECOND, "start", *start)
    assert not opt_outs.contains(account, PERSON)
