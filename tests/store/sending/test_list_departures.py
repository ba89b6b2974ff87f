"""Who left a list between admission and claim gets nothing, and is not paid for."""

from campaign.credits import CreditKind
from campaign.expanding import Member
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from tests.store.builders import NOW, StoreBuilder, number, outcome

LISTS = ("list-a", "list-b")


def admit(builder: StoreBuilder, *origins: tuple[int, str | None], repeats: bool = False) -> str:
    """Admit a campaign with one message per (number, list); repeats are skipped as such."""
    campaign = "cmp_lists"
    composed = builder.composed(len(origins), prefix=campaign)
    seen: set[str] = set()
    for message, (index, list_id) in zip(composed.messages, origins, strict=True):
        message.to, message.list_id = number(index), list_id
        if not repeats and message.to in seen:
            message.status, message.reason = MessageStatus.SKIPPED, "duplicate"
        seen.add(message.to)
    assert builder.store.campaigns.save(composed, campaign).created
    assert builder.store.admissions.hold(campaign, NOW) is None
    builder.store.campaigns.set_status(campaign, CampaignStatus.SCHEDULED, NOW)
    builder.store.campaigns.set_status(campaign, CampaignStatus.RUNNING, NOW)
    return campaign


def fill(builder: StoreBuilder, *members: tuple[str, int]) -> None:
    """Make the lists and put numbers on them."""
    for list_id in LISTS:
        builder.store.lists.create(builder.account_id, list_id, list_id, NOW)
    for list_id, index in members:
        builder.store.lists.add(builder.account_id, list_id, [Member(number(index))], NOW)


def reasons(builder: StoreBuilder, campaign: str) -> list[str | None]:
    return [message.reason for message in builder.store.campaigns.messages(campaign)]


def test_whoever_left_is_skipped_and_the_others_are_sent_to(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0), ("list-a", 1), ("list-a", 2))
    campaign = admit(builder, (0, "list-a"), (1, "list-a"), (2, "list-a"), (3, None))
    builder.store.lists.remove(builder.account_id, "list-a", number(1))
    assert builder.send(campaign) == [0, 2, 3]
    assert builder.statuses(campaign) == ["sent", "skipped", "sent", "sent"]
    assert reasons(builder, campaign) == [None, "left_list", None, None]


def test_what_was_held_for_them_comes_back_when_the_campaign_settles(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0), ("list-a", 1))
    before = builder.balance().available
    campaign = admit(builder, (0, "list-a"), (1, "list-a"))
    builder.store.lists.remove(builder.account_id, "list-a", number(1))
    builder.send(campaign)
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert builder.money(CreditKind.SMS) == (before - 2, 0, 2)
    assert audit(builder.store.database).findings == ()


def test_a_deleted_list_is_one_that_everybody_left(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0), ("list-a", 1))
    campaign = admit(builder, (0, "list-a"), (1, "list-a"), (2, None))
    builder.store.lists.delete(builder.account_id, "list-a")
    assert builder.send(campaign) == [2]


def test_whoever_joins_after_the_admission_gets_nothing(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0))
    campaign = admit(builder, (0, "list-a"))
    builder.store.lists.add(builder.account_id, "list-a", [Member(number(9))], NOW)
    assert builder.send(campaign) == [0]
    assert builder.statuses(campaign) == ["sent"]


def test_whoever_left_and_came_back_is_on_the_list(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0))
    campaign = admit(builder, (0, "list-a"))
    builder.store.lists.remove(builder.account_id, "list-a", number(0))
    builder.store.lists.add(builder.account_id, "list-a", [Member(number(0))], NOW)
    assert builder.send(campaign) == [0]


def test_another_list_or_a_name_of_their_own_keeps_them_in(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0), ("list-a", 1), ("list-a", 2), ("list-b", 0), ("list-b", 2))
    campaign = admit(
        builder,
        *((index, "list-a") for index in range(3)),
        (0, "list-b"),
        (2, "list-b"),
        (1, None),
    )
    for index in range(3):
        builder.store.lists.remove(builder.account_id, "list-a", number(index))
    builder.store.lists.remove(builder.account_id, "list-b", number(2))
    assert builder.send(campaign) == [0, 1]
    assert reasons(builder, campaign)[:3] == [None, None, "left_list"]


def test_where_repeats_are_wanted_only_the_lists_own_message_goes_away(
    builder: StoreBuilder,
) -> None:
    fill(builder, ("list-a", 0))
    campaign = admit(builder, (0, "list-a"), (0, None), repeats=True)
    builder.store.lists.remove(builder.account_id, "list-a", number(0))
    assert builder.send(campaign) == [1]


def test_leaving_after_a_failed_try_ends_the_tries(builder: StoreBuilder) -> None:
    fill(builder, ("list-a", 0))
    campaign = admit(builder, (0, "list-a"))
    assert builder.claimed(campaign) == [0]
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, code="unavailable", due_at=NOW))
    builder.store.lists.remove(builder.account_id, "list-a", number(0))
    assert builder.claimed(campaign) == []
    assert builder.statuses(campaign) == ["skipped"]
