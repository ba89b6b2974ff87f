"""PostgreSQL has statistics of the messages as soon as there are many."""

import pytest
from sqlalchemy import text

from store.accounts.accounts import AccountView
from store.database import statistics
from store.database.statistics import ROWS_MIN
from store.store import Store
from tests.store.builders import StoreBuilder

KNOWN = "SELECT reltuples FROM pg_class WHERE relname = 'message'"


@pytest.fixture
def builder(any_store: Store, account: AccountView) -> StoreBuilder:
    """A store on PostgreSQL."""
    if any_store.database.is_sqlite:
        pytest.skip("SQLite plans without statistics")
    return StoreBuilder(any_store, account.id)


def test_a_campaign_that_is_a_good_part_of_what_is_known_is_counted_at_once(
    builder: StoreBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "KNOWN_SHARE", 2)
    assert builder.value(KNOWN) == -1
    builder.save(ROWS_MIN)
    assert builder.value(KNOWN) == ROWS_MIN
    builder.save(ROWS_MIN)
    assert builder.value(KNOWN) == 2 * ROWS_MIN
    builder.save(ROWS_MIN)
    assert builder.value(KNOWN) == 2 * ROWS_MIN
    builder.save(ROWS_MIN + 1)
    assert builder.value(KNOWN) == 4 * ROWS_MIN + 1


def test_a_small_campaign_is_not_worth_it(builder: StoreBuilder) -> None:
    builder.save(ROWS_MIN - 1)
    assert builder.value(KNOWN) == -1


def test_a_table_that_somebody_else_analyzes_keeps_nobody_waiting(builder: StoreBuilder) -> None:
    with builder.store.database.engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE message IN SHARE UPDATE EXCLUSIVE MODE"))
        builder.save(ROWS_MIN)
    assert builder.value(KNOWN) == -1
