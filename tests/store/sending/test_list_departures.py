"""Who left a list between admission and claim gets nothing, and is not paid for."""

from campaign.credits import CreditKind
from campaign.expanding import Member
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from tests.store.builders import NOW, Books, number, outcome

LISTS = ("list-a", "list-b")


def admit(books: Books, *origins: tuple[int, str | None], repeats: bool = False) -> str:
    """Admit a campaign with one message per (number, list); repeats are skipped as such."""
    campaign = "cmp_lists"
    composed = books.composed(len(origins), prefix=campaign)
    seen: set[str] = set()
    for message, (index, list_id) in zip(composed.messages, origins, strict=True):
        message.to, message.list_id = number(index), list_id
        if not repeats and message.to in seen:
            message.status, message.reason = MessageStatus.SKIPPED, "duplicate"
        seen.add(message.to)
    assert books.store.campaigns.save(composed, campaign).created
    assert books.store.admissions.hold(campaign, NOW) is None
    books.store.campaigns.mark(campaign, CampaignStatus.SCHEDULED, NOW)
    books.store.campaigns.mark(campaign, CampaignStatus.RUNNING, NOW)
    return campaign


def fill(books: Books, *members: tuple[str, int]) -> None:
    """Make the lists and put numbers on them."""
    for list_id in LISTS:
        books.store.lists.create(books.account_id, list_id, list_id, NOW)
    for list_id, index in members:
        books.store.lists.add(books.account_id, list_id, [Member(number(index))], NOW)


def reasons(books: Books, campaign: str) -> list[str | None]:
    return [message.reason for message in books.store.campaigns.messages(campaign)]


def test_whoever_left_is_skipped_and_the_others_are_sent_to(books: Books) -> None:
    fill(books, ("list-a", 0), ("list-a", 1), ("list-a", 2))
    campaign = admit(books, (0, "list-a"), (1, "list-a"), (2, "list-a"), (3, None))
    books.store.lists.remove(books.account_id, "list-a", number(1))
    assert books.send(campaign) == [0, 2, 3]
    assert books.statuses(campaign) == ["sent", "skipped", "sent", "sent"]
    assert reasons(books, campaign) == [None, "left_list", None, None]


def test_what_was_held_for_them_comes_back_when_the_campaign_settles(books: Books) -> None:
    fill(books, ("list-a", 0), ("list-a", 1))
    before = books.balance().available
    campaign = admit(books, (0, "list-a"), (1, "list-a"))
    books.store.lists.remove(books.account_id, "list-a", number(1))
    books.send(campaign)
    books.store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert books.money(CreditKind.SMS) == (before - 2, 0, 2)
    assert audit(books.store.database).findings == ()


def test_a_deleted_list_is_one_that_everybody_left(books: Books) -> None:
    fill(books, ("list-a", 0), ("list-a", 1))
    campaign = admit(books, (0, "list-a"), (1, "list-a"), (2, None))
    books.store.lists.delete(books.account_id, "list-a")
    assert books.send(campaign) == [2]


def test_whoever_joins_after_the_admission_gets_nothing(books: Books) -> None:
    fill(books, ("list-a", 0))
    campaign = admit(books, (0, "list-a"))
    books.store.lists.add(books.account_id, "list-a", [Member(number(9))], NOW)
    assert books.send(campaign) == [0]
    assert books.statuses(campaign) == ["sent"]


def test_whoever_left_and_came_back_is_on_the_list(books: Books) -> None:
    fill(books, ("list-a", 0))
    campaign = admit(books, (0, "list-a"))
    books.store.lists.remove(books.account_id, "list-a", number(0))
    books.store.lists.add(books.account_id, "list-a", [Member(number(0))], NOW)
    assert books.send(campaign) == [0]


def test_another_list_or_a_name_of_their_own_keeps_them_in(books: Books) -> None:
    fill(books, ("list-a", 0), ("list-a", 1), ("list-a", 2), ("list-b", 0), ("list-b", 2))
    campaign = admit(
        books,
        *((index, "list-a") for index in range(3)),
        (0, "list-b"),
        (2, "list-b"),
        (1, None),
    )
    for index in range(3):
        books.store.lists.remove(books.account_id, "list-a", number(index))
    books.store.lists.remove(books.account_id, "list-b", number(2))
    assert books.send(campaign) == [0, 1]
    assert reasons(books, campaign)[:3] == [None, None, "left_list"]


def test_where_repeats_are_wanted_only_the_lists_own_message_goes_away(books: Books) -> None:
    fill(books, ("list-a", 0))
    campaign = admit(books, (0, "list-a"), (0, None), repeats=True)
    books.store.lists.remove(books.account_id, "list-a", number(0))
    assert books.send(campaign) == [1]


def test_leaving_after_a_failed_try_ends_the_tries(books: Books) -> None:
    fill(books, ("list-a", 0))
    campaign = admit(books, (0, "list-a"))
    assert books.claimed(campaign) == [0]
    books.write(campaign, outcome(0, MessageStatus.RETRYABLE, code="unavailable", due_at=NOW))
    books.store.lists.remove(books.account_id, "list-a", number(0))
    assert books.claimed(campaign) == []
    assert books.statuses(campaign) == ["skipped"]
