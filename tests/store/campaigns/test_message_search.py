"""Messages are found across the campaigns of an account, by index where there can be one."""

import pytest
from sqlalchemy import text

from campaign.states import MessageStatus
from store.campaigns.message_search import MessageFilter
from tests.store.builders import NOW, SENDER, StoreBuilder, number


@pytest.fixture
def three(builder: StoreBuilder) -> list[str]:
    """Three campaigns of three messages, of which the last two were created at once."""
    made = [builder.admit(3, now=NOW + at) for at in (0, 1, 1)]
    builder.execute(
        "UPDATE message SET reference = 'row 7' WHERE position = 1 AND campaign_id = :id",
        id=made[0],
    )
    builder.execute(
        "UPDATE message SET sender = 'GODWIT', status = 'failed' WHERE position = 2 "
        "AND campaign_id = :id",
        id=made[1],
    )
    return made


def found(builder: StoreBuilder, wanted: MessageFilter, limit: int = 100) -> list[str]:
    """The ids of what is found, read in pages of two."""
    search = builder.store.message_log.search
    ids: list[str] = []
    page = search(wanted, builder.account_id, 2)
    while page and len(ids) < limit:
        ids += [one.message.id for one in page]
        page = search(wanted, builder.account_id, 2, page[-1].place)
    assert ids == [one.message.id for one in search(wanted, builder.account_id, limit)]
    return ids


def test_pages_have_every_message_once_those_of_the_newest_campaign_first(
    builder: StoreBuilder, three: list[str]
) -> None:
    first, second, third = three
    expected = [f"{id}-{position}" for id in (third, second, first) for position in range(3)]
    assert found(builder, MessageFilter()) == expected


def test_each_filter_leaves_what_it_names(builder: StoreBuilder, three: list[str]) -> None:
    first, second, third = three
    to = MessageFilter(to=number(1))
    assert found(builder, to) == [f"{third}-1", f"{second}-1", f"{first}-1"]
    assert found(builder, MessageFilter(reference="row 7")) == [f"{first}-1"]
    assert found(builder, MessageFilter(campaign_id=second)) == [f"{second}-{n}" for n in range(3)]
    assert found(builder, MessageFilter(status=MessageStatus.FAILED)) == [f"{second}-2"]
    assert found(builder, MessageFilter(sender="GODWIT")) == [f"{second}-2"]
    assert len(found(builder, MessageFilter(sender=SENDER))) == 8
    assert len(found(builder, MessageFilter(since=NOW + 1))) == 6
    assert len(found(builder, MessageFilter(until=NOW + 1))) == 3
    both = MessageFilter(to=number(2), status=MessageStatus.QUEUED, since=NOW + 1)
    assert found(builder, both) == [f"{third}-2"]
    for nothing in ("", "' OR 1=1 --", "%", "row_7", "\x00", "\ud800"):
        assert found(builder, MessageFilter(reference=nothing)) == []


def test_another_accounts_messages_are_never_found(builder: StoreBuilder, three: list[str]) -> None:
    other, _ = builder.store.accounts.create("other", 0)
    search = builder.store.message_log.search
    for wanted in (
        MessageFilter(),
        MessageFilter(to=number(1)),
        MessageFilter(campaign_id=three[0]),
    ):
        assert search(wanted, other.id, 10) == []
    (one,) = search(MessageFilter(reference="row 7"), builder.account_id, 10)
    assert builder.store.attempts.story(one.message.id, other.id) is None
    story = builder.store.attempts.story(one.message.id, builder.account_id)
    assert story is not None and story.campaign_id == three[0]
    assert builder.store.attempts.story("msg_nobody", builder.account_id) is None


@pytest.mark.parametrize("column", ["recipient", "reference"])
def test_a_number_and_a_reference_are_found_by_an_index(
    builder: StoreBuilder, three: list[str], column: str
) -> None:
    database = builder.store.database
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"

    def work(connection: object) -> str:
        if not database.is_sqlite:
            # A table of nine rows is read faster as a whole.
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # type: ignore[attr-defined]
        plan = connection.execute(  # type: ignore[attr-defined]
            text(
                f"{explain} SELECT message.* FROM campaign "
                "JOIN message ON message.campaign_id = campaign.id "
                f"WHERE campaign.account_id = :account AND message.{column} = 'x' "
                "ORDER BY campaign.created_at DESC, campaign.id DESC, message.position LIMIT 3"
            ),
            {"account": builder.account_id},
        )
        return "\n".join(str(row[-1]) for row in plan)

    assert f"message_by_{column}" in database.read(work)
