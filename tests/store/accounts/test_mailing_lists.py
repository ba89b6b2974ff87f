"""Mailing lists in the store: the size is right however members change at once."""

import pytest

from campaign.expanding import Member
from store.accounts.mailing_lists import Added, ListFull, Lists, NameTaken
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number
from tests.store.racing import race

LIST = "3392287d-7a79-4789-9ef8-7dc174836688"


@pytest.fixture
def lists(builder: StoreBuilder) -> Lists:
    """The lists of a store in which the account has one."""
    builder.store.lists.create(builder.account_id, LIST, "spring", NOW)
    return builder.store.lists


def people(low: int, high: int, **fields: str) -> list[Member]:
    return [Member(number(index), fields) for index in range(low, high)]


def counted(builder: StoreBuilder) -> tuple[object, object]:
    """How many members the list says that it has, and how many there are."""
    said = builder.value("SELECT size FROM mailing_list WHERE id = :list", list=LIST)
    return said, builder.value("SELECT count(*) FROM list_member WHERE list_id = :list", list=LIST)


def test_members_are_added_once_and_get_new_fields(lists: Lists, builder: StoreBuilder) -> None:
    add = (builder.account_id, LIST)
    assert lists.add(*add, people(0, 3, NAME="a"), NOW) == Added(3, 0, 3)
    assert lists.add(*add, people(2, 5, NAME="b"), NOW) == Added(2, 1, 5)
    assert lists.add(*add, people(2, 5, NAME="b"), NOW) == Added(0, 3, 5)
    assert counted(builder) == (5, 5)
    found = lists.members(LIST)
    assert [one.number for one in found] == [number(index) for index in range(5)]
    assert [one.fields["NAME"] for one in found] == ["a", "a", "b", "b", "b"]


def test_a_number_twice_in_one_call_is_one_member_and_the_last_wins(
    lists: Lists, builder: StoreBuilder
) -> None:
    twice = [Member(number(1), {"NAME": "first"}), Member(number(1), {"NAME": "last"})]
    assert lists.add(builder.account_id, LIST, twice, NOW) == Added(1, 0, 1)
    assert lists.members(LIST) == [Member(number(1), {"NAME": "last"})]


def test_fields_keep_every_character(lists: Lists, builder: StoreBuilder) -> None:
    odd = {"A": 'quo"te', "B": "emoji 🐦", "C": "{{NAME}} \\ '", "D": "line\nend"}
    lists.add(builder.account_id, LIST, [Member(number(1), odd)], NOW)
    assert lists.members(LIST)[0].fields == odd


def test_a_removed_member_is_gone_once(lists: Lists, builder: StoreBuilder) -> None:
    lists.add(builder.account_id, LIST, people(0, 3), NOW)
    assert lists.remove(builder.account_id, LIST, number(1))
    assert not lists.remove(builder.account_id, LIST, number(1))
    assert lists.remove(builder.account_id, LIST, f"00{number(2)[1:]}")
    assert counted(builder) == (1, 1)


def test_a_deleted_list_takes_its_members_along(lists: Lists, builder: StoreBuilder) -> None:
    lists.add(builder.account_id, LIST, people(0, 3), NOW)
    assert lists.delete(builder.account_id, LIST)
    assert not lists.delete(builder.account_id, LIST)
    assert lists.get(builder.account_id, LIST) is None
    assert counted(builder) == (None, 0)
    assert lists.add(builder.account_id, LIST, people(0, 1), NOW) is None


def test_a_name_is_taken_once_in_each_account(lists: Lists, builder: StoreBuilder) -> None:
    with pytest.raises(NameTaken):
        lists.create(builder.account_id, "another", "spring", NOW)
    other, _ = builder.store.accounts.create("other", NOW)
    assert lists.create(other.id, "another", "spring", NOW).size == 0


def test_another_accounts_list_is_not_there(lists: Lists, builder: StoreBuilder) -> None:
    lists.add(builder.account_id, LIST, people(0, 3), NOW)
    other, _ = builder.store.accounts.create("other", NOW)
    assert lists.get(other.id, LIST) is None
    assert lists.add(other.id, LIST, people(5, 6), NOW) is None
    assert not lists.remove(other.id, LIST, number(1))
    assert not lists.delete(other.id, LIST)
    assert lists.list(other.id) == []
    assert lists.sizes(other.id, [LIST]) == {} and lists.snapshot(other.id, [LIST]) == {}
    assert counted(builder) == (3, 3)


def test_a_list_gets_no_longer_than_can_be_sent_to(
    lists: Lists, builder: StoreBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.accounts.mailing_lists.MEMBERS_MAX", 5)
    lists.add(builder.account_id, LIST, people(0, 4, NAME="a"), NOW)
    with pytest.raises(ListFull):
        lists.add(builder.account_id, LIST, people(2, 6, NAME="b"), NOW)
    assert counted(builder) == (4, 4)
    assert {one.fields["NAME"] for one in lists.members(LIST)} == {"a"}
    assert lists.add(builder.account_id, LIST, people(2, 5), NOW) == Added(1, 2, 5)


def test_lists_and_members_are_paged_in_order(lists: Lists, builder: StoreBuilder) -> None:
    for name in ("autumn", "winter", "summer"):
        lists.create(builder.account_id, name, name, NOW)
    names = [one.name for one in lists.list(builder.account_id, 2)]
    assert names == ["autumn", "spring"]
    rest = lists.list(builder.account_id, 5, after="spring")
    assert [one.name for one in rest] == ["summer", "winter"]
    lists.add(builder.account_id, LIST, people(0, 5), NOW)
    assert [one.number for one in lists.members(LIST, 2, after=number(1))] == [
        number(2),
        number(3),
    ]


def test_a_snapshot_has_the_members_of_every_list_named(
    lists: Lists, builder: StoreBuilder
) -> None:
    lists.create(builder.account_id, "second", "second", NOW)
    lists.add(builder.account_id, LIST, people(0, 2), NOW)
    lists.add(builder.account_id, "second", people(1, 4), NOW)
    wanted = [LIST, "second", "unknown"]
    assert lists.sizes(builder.account_id, wanted) == {LIST: 2, "second": 3}
    snapshot = lists.snapshot(builder.account_id, wanted)
    assert {name: len(found) for name, found in snapshot.items()} == {LIST: 2, "second": 3}
    assert [one.number for one in snapshot[LIST]] == [number(0), number(1)]


def test_the_size_is_right_after_a_race_of_changes(
    lists: Lists, builder: StoreBuilder, any_store: Store, rival_store: Store
) -> None:
    stores = (any_store, rival_store)
    lists.add(builder.account_id, LIST, people(0, 40), NOW)

    def change(runner: int) -> None:
        mine = stores[runner % 2].lists
        for step in range(10):
            low = (runner * 7 + step * 5) % 60
            if (runner + step) % 3:
                mine.add(builder.account_id, LIST, people(low, low + 20, BY=str(runner)), NOW)
            else:
                mine.remove(builder.account_id, LIST, number(low))

    race(8, change)
    said, are = counted(builder)
    assert said == are and said


def test_one_of_many_wins_a_name(lists: Lists, builder: StoreBuilder) -> None:
    def create(runner: int) -> bool:
        try:
            lists.create(builder.account_id, f"list-{runner}", "raced", NOW)
        except NameTaken:
            return False
        return True

    assert race(8, create).count(True) == 1


def test_a_list_gets_another_name_unless_the_account_uses_it(
    lists: Lists, builder: StoreBuilder
) -> None:
    account = builder.account_id
    lists.create(account, "other", "autumn", NOW)
    assert lists.rename(account, LIST, "summer") and lists.rename(account, LIST, "summer")
    with pytest.raises(NameTaken):
        lists.rename(account, LIST, "autumn")
    assert not lists.rename("another", LIST, "x") and not lists.rename(account, "none", "x")
    assert [one.name for one in lists.list(account)] == ["autumn", "summer"]
    changes = "SELECT count(*) FROM activity WHERE action = 'list.changed'"
    assert builder.value(changes) == 1
