"""The database as a pair of verbs: whole transactions, honest failures."""

import json
import os
import signal
import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from campaign.failures import StoreUnavailable
from campaign.handoffs import Receipt
from campaign.states import MessageStatus
from store.database import postgres as connections
from store.database.engine import Database, StoreError, json_rows, storable
from store.database.postgres import BoundedConnection
from store.store import Store
from tests.postgres import Postgres
from tests.store.builders import NOW, StoreBuilder, outcome

_SESSION = text("SELECT pg_backend_pid()")
_END_SESSION = text("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_failed_write_leaves_nothing_behind(builder: StoreBuilder) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text("UPDATE account SET name = 'changed'"))
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        builder.store.database.write(work)
    assert builder.value("SELECT name FROM account") == "tester"


def test_a_snapshot_sees_one_instant_whatever_is_written_meanwhile(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    count = text("SELECT count(*) FROM account")

    def work(connection: Connection) -> tuple[int, int]:
        before = connection.execute(count).scalar_one()
        rival_store.accounts.create("another", NOW)
        return before, connection.execute(count).scalar_one()

    assert any_store.database.read_snapshot(work) == (1, 1)
    assert builder.value("SELECT count(*) FROM account") == 2


@pytest.mark.parametrize("odd", ["a\x00b", "\ud800", "a\udfffb"])
def test_text_that_no_column_can_hold_matches_nothing(builder: StoreBuilder, odd: str) -> None:
    store = builder.store
    assert store.campaigns.get(odd) is None
    assert store.campaigns.list(builder.account_id, before=odd) == []
    assert store.campaigns.messages(odd) == []
    assert store.accounts.show(odd) is None
    assert store.opt_outs.list(builder.account_id, after=odd) == []
    assert not store.opt_outs.contains(builder.account_id, odd)
    assert store.opt_outs.history(builder.account_id, odd) == []


def test_what_a_carrier_answers_is_stored_whatever_it_holds(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.claimed(campaign)
    builder.write(
        campaign,
        outcome(0, carrier_id="a\x00b"),
        outcome(1, carrier_id="\ud800"),
        outcome(2, MessageStatus.FAILED, code="\\u0000 '; --"),
    )
    assert builder.statuses(campaign) == ["sent", "sent", "failed"]
    first, second, third = builder.store.campaigns.messages(campaign)
    assert (first.carrier_id, second.carrier_id) == ("a\ufffdb", "\ufffd")
    assert third.reason == "\\u0000 '; --"
    receipt = Receipt(f"{campaign}-0", MessageStatus.UNDELIVERED, NOW, code="\x00")
    assert builder.store.receipts.apply([receipt]) == 1


@given(
    st.lists(
        st.text(st.characters(exclude_categories=()))
        # Whatever makes escapes of JSON, or only looks like one of them.
        | st.text(st.sampled_from('\\u0d8fDe"\x00\ud83d\ude00\ud7ffé😀'))
    )
)
def test_rows_are_written_with_every_text_made_storable(texts: list[str]) -> None:
    rows = [{"p": position, "t": odd, "d": None} for position, odd in enumerate(texts)]
    stored = [{**row, "t": storable(odd)} for row, odd in zip(rows, texts, strict=True)]
    assert json.loads(json_rows(rows)) == stored


@pytest.mark.parametrize("url", ["mysql://localhost/godwit", "sqlite:///:memory:", "sqlite://"])
def test_a_database_that_cannot_serve_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(StoreError, match="use sqlite:/// or|must be a file"):
        Database(url)


def test_a_database_that_is_not_there_is_unavailable(postgres: Postgres) -> None:
    with closing(Database(postgres.url("no_such_database"))) as database:
        for verb in (database.read, database.write, database.read_snapshot):
            with pytest.raises(StoreUnavailable):
                verb(lambda connection: None)


def test_a_write_whose_fate_is_unknown_is_not_repeated(postgres_store: Store) -> None:
    tries = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(_END_SESSION)

    with pytest.raises(StoreUnavailable):
        postgres_store.database.write(work)
    assert len(tries) == 1
    # The next one gets a connection that works.
    assert postgres_store.accounts.list() == []


def test_a_pool_that_stays_empty_is_unavailable_and_reads_have_one_of_their_own(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "POOL_TIMEOUT_SECONDS", 0.01)
    with closing(Database(postgres.url("postgres"), pool_size=1)) as database:
        with database.engine.connect(), database.engine.connect():
            with pytest.raises(StoreUnavailable):
                database.write(lambda connection: None)
            assert database.read(lambda connection: 1) == 1

            def read_within(connection: Connection) -> None:
                database.read(lambda another: None)

            with pytest.raises(StoreUnavailable):
                database.read(read_within)
        assert database.write(lambda connection: 1) == 1


def test_a_session_that_hangs_is_given_up_and_its_place_is_free_again(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "answer_seconds", 0.5)
    hung = []

    def hang(connection: Connection) -> None:
        hung.append(connection.execute(_SESSION).scalar_one())
        os.kill(hung[-1], signal.SIGSTOP)
        connection.execute(_SESSION)

    with closing(Database(postgres.url("postgres"), pool_size=1)) as database:
        try:
            for ask in (database.read, database.write):
                with pytest.raises(StoreUnavailable):
                    ask(hang)
                at_rest = ask(lambda connection: connection.execute(_SESSION).scalar_one())
                hung.append(at_rest)
                os.kill(at_rest, signal.SIGSTOP)
                assert ask(lambda connection: connection.execute(_SESSION).scalar_one()) not in hung
        finally:
            for session in hung:
                os.kill(session, signal.SIGCONT)


def test_a_write_rolled_back_for_a_deadlock_is_repeated(postgres_store: Store) -> None:
    accounts = [postgres_store.accounts.create(name, NOW)[0].id for name in ("one", "two")]
    both_have_one = threading.Barrier(2)
    tries = []
    raise_quota = text(
        "UPDATE account SET daily_quota = COALESCE(daily_quota, 0) + 1 WHERE id = :id"
    )

    def write(order: list[str]) -> None:
        met = False

        def work(connection: Connection) -> None:
            nonlocal met
            tries.append(order[0])
            connection.execute(raise_quota, {"id": order[0]})
            if not met:
                met = True
                both_have_one.wait(20)
            connection.execute(raise_quota, {"id": order[1]})

        postgres_store.database.write(work)

    other = threading.Thread(target=write, args=(accounts[::-1],))
    other.start()
    write(accounts)
    other.join()
    assert len(tries) >= 3
    quotas = [view.daily_quota for view in postgres_store.accounts.list()]
    assert quotas == [2, 2]


def test_a_connection_in_use_is_closed_when_it_comes_back_to_a_closed_database(
    store: Store,
) -> None:
    def close(connection: Connection) -> object:
        store.database.close()
        return connection.connection.dbapi_connection

    used = store.database.read(close)
    with pytest.raises(Exception, match="closed"):
        used.execute("SELECT 1")  # type: ignore[attr-defined]
