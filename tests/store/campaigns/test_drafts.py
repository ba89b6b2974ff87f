"""Drafts of the console: kept for their key, sent once, and free of people who are erased."""

import pytest
from sqlalchemy import text

from campaign.instants import DAY
from store.campaigns.drafts import DRAFTS_MAX, KEPT, SavedDraft, SavedRow
from store.database.engine import StoreError
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number
from tests.store.racing import race

HEADER = {"line": 1, "cells": ["Phone", "Name"], "isSheet": False, "notes": [], "file": "a.csv"}


@pytest.fixture
def key(builder: StoreBuilder, any_store: Store) -> str:
    """A key of the account."""
    return any_store.api_keys.create(builder.account_id, NOW).key_id


def rows(count: int) -> list[SavedRow]:
    return [
        SavedRow(line + 2, (number(line), f"N{line}"), {}, number(line)) for line in range(count)
    ]


def saved(store: Store, builder: StoreBuilder, key: str, draft_id: str) -> SavedDraft | None:
    return store.drafts.get(draft_id, builder.account_id, key)


def test_a_draft_comes_back_as_it_was_saved(
    builder: StoreBuilder, any_store: Store, key: str
) -> None:
    drafts = any_store.drafts
    draft_id = drafts.create(builder.account_id, key, NOW)
    assert drafts.save(draft_id, NOW + 1, name="a", text="Hi", sender="72345", choices={"x": [1]})
    assert drafts.save_table(draft_id, HEADER, rows(3), {"country": "US"}, NOW + 2)
    found = saved(any_store, builder, key, draft_id)
    assert found is not None and found.header == HEADER and found.choices == {"country": "US"}
    assert (found.name, found.text, found.updated_at) == ("a", "Hi", NOW + 2)
    broken = [SavedRow(9, ("x",), {0: "is broken"})]
    assert list(drafts.rows(draft_id)) == rows(3)
    assert drafts.save_table(draft_id, HEADER, broken, {}, NOW)
    assert list(drafts.rows(draft_id)) == broken
    other = any_store.api_keys.create(builder.account_id, NOW).key_id
    assert saved(any_store, builder, other, draft_id) is None
    assert drafts.list(builder.account_id, other) == []


def test_a_check_and_a_send_count_only_for_the_draft_that_they_saw(
    builder: StoreBuilder, any_store: Store, key: str
) -> None:
    drafts = any_store.drafts
    draft_id = drafts.create(builder.account_id, key, NOW)
    seen = saved(any_store, builder, key, draft_id)
    drafts.save_table(draft_id, HEADER, rows(3), {}, NOW + 1)
    assert not drafts.save(draft_id, NOW + 2, seen, choices={"checked": 1})
    assert not drafts.assign(draft_id, "cmp_1", NOW + 2, seen)
    found = saved(any_store, builder, key, draft_id)
    assert found is not None and (found.choices, found.campaign_id) == ({}, None)
    assert drafts.save(draft_id, NOW + 2, found, choices={"checked": 3})


def test_of_several_sends_one_gets_the_draft_and_nothing_changes_it_then(
    builder: StoreBuilder, any_store: Store, rival_store: Store, key: str
) -> None:
    draft_id = any_store.drafts.create(builder.account_id, key, NOW)
    any_store.drafts.save_table(draft_id, HEADER, rows(3), {}, NOW)
    won: list[int] = []

    def work(actor: int) -> None:
        store = any_store if actor == 0 else rival_store
        if store.drafts.assign(draft_id, f"cmp_{actor}", NOW):
            won.append(actor)

    race(2, work)
    assert len(won) == 1
    campaign_id = f"cmp_{won[0]}"
    assert not any_store.drafts.save(draft_id, NOW, text="another")
    assert not any_store.drafts.save_table(draft_id, HEADER, [], {}, NOW)
    any_store.drafts.discard(draft_id)
    assert any_store.drafts.list(builder.account_id, key) == []
    any_store.drafts.release(draft_id, "cmp_other")
    assert not any_store.drafts.assign(draft_id, "cmp_2", NOW)
    any_store.drafts.release(draft_id, campaign_id)
    assert any_store.drafts.save(draft_id, NOW, text="mended")
    assert any_store.drafts.assign(draft_id, "cmp_2", NOW)
    any_store.drafts.finish(draft_id, "cmp_2")
    any_store.drafts.finish(draft_id, "cmp_2")
    found = saved(any_store, builder, key, draft_id)
    assert found is not None and found.campaign_id == "cmp_2"
    assert any_store.drafts.rows(draft_id) == []


def test_old_drafts_go_and_a_key_has_only_so_many(
    builder: StoreBuilder, any_store: Store, key: str
) -> None:
    drafts = any_store.drafts
    old = drafts.create(builder.account_id, key, NOW)
    drafts.save_table(old, HEADER, rows(2), {}, NOW)
    for _ in range(DRAFTS_MAX - 1):
        drafts.create(builder.account_id, key, NOW + DAY)
    with pytest.raises(StoreError, match="discard one"):
        drafts.create(builder.account_id, key, NOW + KEPT)
    assert drafts.remove_untouched(NOW + 1) and not drafts.remove_untouched(NOW + 1)
    drafts.create(builder.account_id, key, NOW + KEPT + 1)
    assert saved(any_store, builder, key, old) is None
    assert builder.value("SELECT count(*) FROM draft_row") == 0
    drafts.discard(drafts.list(builder.account_id, key)[0].id)
    assert len(drafts.list(builder.account_id, key)) == DRAFTS_MAX - 1


def test_an_erased_person_is_in_no_draft_of_the_account(
    builder: StoreBuilder, any_store: Store, key: str
) -> None:
    other, _ = any_store.accounts.create("other", NOW)
    theirs = any_store.drafts.create(other.id, any_store.api_keys.create(other.id, NOW).key_id, NOW)
    ours = any_store.drafts.create(builder.account_id, key, NOW)
    for draft_id in (ours, theirs):
        any_store.drafts.save_table(draft_id, HEADER, rows(3), {}, NOW)
    any_store.eraser.erase(builder.account_id, number(1), NOW)
    assert [row.number for row in any_store.drafts.rows(ours)] == [number(0), number(2)]
    assert len(any_store.drafts.rows(theirs)) == 3
    query = text("SELECT cells FROM draft_row WHERE draft_id = :id")
    left = any_store.database.read(
        lambda connection: str(connection.execute(query, {"id": ours}).all())
    )
    assert number(1) not in left
