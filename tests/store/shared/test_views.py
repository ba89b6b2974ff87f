"""Lists and pages: each thing once, in order, of the account that asks."""

import pytest

from campaign.credits import MessageKind
from campaign.states import MessageStatus
from campaign.views import CampaignView
from tests.store.builders import NOW, SENDER, StoreBuilder, number, outcome


def pages(builder: StoreBuilder, limit: int, account_id: str | None) -> list[CampaignView]:
    seen: list[CampaignView] = []
    while page := builder.store.campaigns.list(
        account_id, limit=limit, before=seen[-1].id if seen else None
    ):
        assert len(page) <= limit
        seen += page
    return seen


@pytest.mark.parametrize("limit", [1, 3, 4, 50])
def test_pages_of_campaigns_show_each_once_newest_first(builder: StoreBuilder, limit: int) -> None:
    # Several share an instant, so that only the id tells them apart.
    saved = [builder.save(1, now=NOW + index // 3) for index in range(11)]
    seen = pages(builder, limit, builder.account_id)
    assert len(seen) == 11
    assert {view.id for view in seen} == set(saved)
    assert [(view.created_at, view.id) for view in seen] == sorted(
        [(view.created_at, view.id) for view in seen], reverse=True
    )


def test_a_campaign_that_comes_while_paging_is_not_shown_twice(builder: StoreBuilder) -> None:
    for index in range(4):
        builder.save(1, now=NOW + index)
    first = builder.store.campaigns.list(builder.account_id, limit=2)
    builder.save(1, now=NOW + 9)
    second = builder.store.campaigns.list(builder.account_id, limit=9, before=first[-1].id)
    assert len({view.id for view in [*first, *second]}) == 4


def test_an_account_sees_its_own_campaigns_only(builder: StoreBuilder) -> None:
    mine = builder.save(1)
    other = StoreBuilder(builder.store, builder.store.accounts.create("other", NOW)[0].id)
    other.store.campaigns.save(other.composed(1, prefix="theirs"), "theirs")
    assert [view.id for view in pages(builder, 9, builder.account_id)] == [mine]
    assert {view.id for view in pages(builder, 1, None)} == {mine, "theirs"}
    assert builder.store.campaigns.get("theirs", builder.account_id) is None
    assert builder.store.campaigns.get("theirs", other.account_id) is not None


def test_each_listed_campaign_has_its_own_counts(builder: StoreBuilder) -> None:
    sent, waiting = builder.admit(3), builder.admit(5)
    builder.send(sent)
    tallies = {view.id: view.tally for view in pages(builder, 9, builder.account_id)}
    assert (tallies[sent].total, tallies[sent].sent, tallies[sent].queued) == (3, 3, 0)
    assert (tallies[waiting].total, tallies[waiting].queued) == (5, 5)


@pytest.mark.parametrize("limit", [1, 4, 7, 100])
def test_pages_of_messages_show_each_once_by_position(builder: StoreBuilder, limit: int) -> None:
    campaign = builder.save(12)
    seen: list[int] = []
    while page := builder.store.campaigns.messages(
        campaign, after=seen[-1] if seen else None, limit=limit
    ):
        seen += [message.position for message in page]
    assert seen == list(range(12))


def test_pages_of_messages_in_one_state_show_only_those(builder: StoreBuilder) -> None:
    campaign = builder.admit(9)
    builder.claimed(campaign)
    failed = [1, 4, 5, 8]
    builder.write(campaign, *[outcome(n, MessageStatus.FAILED, code="x") for n in failed])
    seen: list[int] = []
    while page := builder.store.campaigns.messages(
        campaign, MessageStatus.FAILED, after=seen[-1] if seen else None, limit=3
    ):
        seen += [message.position for message in page]
    assert seen == failed
    assert builder.store.campaigns.messages(campaign, MessageStatus.QUEUED) == []


def test_a_message_reads_back_as_it_was_composed(builder: StoreBuilder) -> None:
    campaign = builder.save(1, keys=["order:1"], kind=MessageKind.MMS, hard=True)
    (view,) = builder.store.campaigns.messages(campaign)
    assert (view.id, view.position, view.to) == (f"{campaign}-0", 0, number(0))
    assert (view.kind, view.status) == (MessageKind.MMS, MessageStatus.QUEUED)
    assert (view.sender, view.segments, view.attempts) == (SENDER, 1, 0)
    assert (view.due_at, view.scheduled_at, view.key) == (NOW, NOW, "order:1")
    assert (view.sent_at, view.final_at, view.duplicate_of) == (None, None, None)


def test_every_script_and_symbol_of_a_text_survives(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    text = "naïve € 鷸 🪶 ‏עברית‏ %s %(x)s :name \\u0000 '; DROP TABLE message; --\n\t"
    builder.execute("UPDATE message SET text = :body", body=text)
    assert builder.store.campaigns.messages(campaign)[0].text == text
    (handoff,) = builder.flush_and_claim(campaign).claimed
    assert handoff.text == text
