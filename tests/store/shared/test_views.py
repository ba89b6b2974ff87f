"""Lists and pages: each thing once, in order, of the account that asks."""

import pytest

from campaign.credits import MessageKind
from campaign.states import MessageStatus
from store.shared.views import CampaignView
from tests.store.builders import NOW, SENDER, Books, number, outcome


def pages(books: Books, limit: int, account_id: str | None) -> list[CampaignView]:
    seen: list[CampaignView] = []
    while page := books.store.campaigns.list(
        account_id, limit=limit, before=seen[-1].id if seen else None
    ):
        assert len(page) <= limit
        seen += page
    return seen


@pytest.mark.parametrize("limit", [1, 3, 4, 50])
def test_pages_of_campaigns_show_each_once_newest_first(books: Books, limit: int) -> None:
    # Several share an instant, so that only the id tells them apart.
    saved = [books.save(1, now=NOW + index // 3) for index in range(11)]
    seen = pages(books, limit, books.account_id)
    assert len(seen) == 11
    assert {view.id for view in seen} == set(saved)
    assert [(view.created_at, view.id) for view in seen] == sorted(
        [(view.created_at, view.id) for view in seen], reverse=True
    )


def test_a_campaign_that_comes_while_paging_is_not_shown_twice(books: Books) -> None:
    for index in range(4):
        books.save(1, now=NOW + index)
    first = books.store.campaigns.list(books.account_id, limit=2)
    books.save(1, now=NOW + 9)
    second = books.store.campaigns.list(books.account_id, limit=9, before=first[-1].id)
    assert len({view.id for view in [*first, *second]}) == 4


def test_an_account_sees_its_own_campaigns_only(books: Books) -> None:
    mine = books.save(1)
    other = Books(books.store, books.store.accounts.create("other", NOW)[0].id)
    other.store.campaigns.save(other.composed(1, prefix="theirs"), "theirs")
    assert [view.id for view in pages(books, 9, books.account_id)] == [mine]
    assert {view.id for view in pages(books, 1, None)} == {mine, "theirs"}
    assert books.store.campaigns.get("theirs", books.account_id) is None
    assert books.store.campaigns.get("theirs", other.account_id) is not None


def test_each_listed_campaign_has_its_own_counts(books: Books) -> None:
    sent, waiting = books.admit(3), books.admit(5)
    books.send(sent)
    tallies = {view.id: view.tally for view in pages(books, 9, books.account_id)}
    assert (tallies[sent].total, tallies[sent].sent, tallies[sent].queued) == (3, 3, 0)
    assert (tallies[waiting].total, tallies[waiting].queued) == (5, 5)


@pytest.mark.parametrize("limit", [1, 4, 7, 100])
def test_pages_of_messages_show_each_once_by_position(books: Books, limit: int) -> None:
    campaign = books.save(12)
    seen: list[int] = []
    while page := books.store.campaigns.messages(
        campaign, after=seen[-1] if seen else None, limit=limit
    ):
        seen += [message.position for message in page]
    assert seen == list(range(12))


def test_pages_of_messages_in_one_state_show_only_those(books: Books) -> None:
    campaign = books.admit(9)
    books.claimed(campaign)
    failed = [1, 4, 5, 8]
    books.write(campaign, *[outcome(n, MessageStatus.FAILED, code="x") for n in failed])
    seen: list[int] = []
    while page := books.store.campaigns.messages(
        campaign, MessageStatus.FAILED, after=seen[-1] if seen else None, limit=3
    ):
        seen += [message.position for message in page]
    assert seen == failed
    assert books.store.campaigns.messages(campaign, MessageStatus.QUEUED) == []


def test_a_message_reads_back_as_it_was_composed(books: Books) -> None:
    campaign = books.save(1, keys=["order:1"], kind=MessageKind.MMS, hard=True)
    (view,) = books.store.campaigns.messages(campaign)
    assert (view.id, view.position, view.to) == (f"{campaign}-0", 0, number(0))
    assert (view.kind, view.status) == (MessageKind.MMS, MessageStatus.QUEUED)
    assert (view.sender, view.segments, view.attempts) == (SENDER, 1, 0)
    assert (view.due_at, view.scheduled_at, view.key) == (NOW, NOW, "order:1")
    assert (view.sent_at, view.final_at, view.duplicate_of) == (None, None, None)


def test_every_script_and_symbol_of_a_text_survives(books: Books) -> None:
    campaign = books.save(1)
    text = "naïve € 鷸 🪶 ‏עברית‏ %s %(x)s :name \\u0000 '; DROP TABLE message; --\n\t"
    books.execute("UPDATE message SET text = :body", body=text)
    assert books.store.campaigns.messages(campaign)[0].text == text
    (handoff,) = books.flush_and_claim(campaign).claimed
    assert handoff.text == text
