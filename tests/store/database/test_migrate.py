"""The migrations lead from nothing to exactly what the tables say, on both databases."""

from contextlib import ExitStack, closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError

from campaign.instants import INSTANT_MAX
from store.database.engine import Database
from store.database.migrate import is_current, upgrade
from store.database.postgres import ANSWER_SECONDS, BoundedConnection, without_limit
from store.tables import METADATA
from tests.postgres import Postgres
from tests.store.builders import StoreBuilder
from tests.store.racing import race


def snapshot(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.execute(text("SELECT version_num FROM alembic_version")).all()
    return [tuple(row) for row in rows]


def test_upgrade_makes_every_table_from_nothing(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        assert not is_current(database)
        upgrade(database)
        assert is_current(database)
        tables = set(inspect(database.engine).get_table_names())
        assert tables == set(METADATA.tables) | {"alembic_version"}


def test_an_upgrade_waits_for_long_statements_and_what_comes_after_it_does_not(
    postgres: Postgres,
) -> None:
    with postgres.database() as url, closing(Database(url, pool_size=1)) as database:
        with database.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, BoundedConnection)
            with without_limit(connection):
                assert driver.answer_seconds is None
            assert driver.answer_seconds == ANSWER_SECONDS
        upgrade(database)
        # The one connection of the pool is the one that made the upgrade.
        with database.engine.connect() as again:
            assert again.connection.driver_connection is driver
            assert driver.answer_seconds == ANSWER_SECONDS


def test_a_second_upgrade_changes_nothing(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database)
        before = database.read(snapshot)
        upgrade(database)
        assert database.read(snapshot) == before
        assert is_current(database)


def test_processes_that_upgrade_at_once_all_end_with_the_schema(any_url: str) -> None:
    with ExitStack() as opened:
        databases = [opened.enter_context(closing(Database(any_url))) for _ in range(4)]
        race(4, lambda number: upgrade(databases[number]))
        assert all(is_current(database) for database in databases)


def test_the_migrated_schema_is_what_the_tables_say(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database)
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert compare_metadata(context, METADATA) == []


def test_what_an_older_version_stored_is_kept(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database, "0001")
        database.write(_fill)
        upgrade(database)
        assert is_current(database)
        kept = "SELECT text, attempts, was_unknown, callback_url FROM message"
        row = database.read(lambda connection: connection.execute(text(kept)).one())
        assert tuple(row) == ("We open at nine", 2, False, None)
        refused = text("UPDATE message SET was_unknown = NULL")
        with pytest.raises(IntegrityError):
            database.write(lambda connection: connection.execute(refused))


def test_answers_of_before_are_known_by_the_keys_that_godwit_gave_them(any_url: str) -> None:
    keys = {
        "console:answer:1": ("Answer", True),
        "sandbox/console:answer:2": ("Answer", True),
        "auto:3": ("Answer to HELP", True),
        "reply:4": (None, True),
        "console:drf_5": ("Answer", False),
        "auto:6": ("Cars", False),
    }
    with closing(Database(any_url)) as database:
        upgrade(database, "0001")
        database.write(_fill)
        upgrade(database, "0027")
        copy = text("""
            INSERT INTO campaign (
                id, account_id, dialect, status, total, created_at, spread_hours, base_at,
                payload_hash, exclude_opt_outs, unknown_policy, pauses_applied, name, key
            )
            SELECT :key, account_id, dialect, status, total, created_at, spread_hours, base_at,
                payload_hash, exclude_opt_outs, unknown_policy, pauses_applied, :name, :key
            FROM campaign WHERE id = 'c'
        """)
        rows = [{"key": key, "name": name} for key, (name, _) in keys.items()]
        database.write(lambda connection: connection.execute(copy, rows))
        upgrade(database)
        found = text("SELECT key, is_answer FROM campaign WHERE key IS NOT NULL")
        after = database.read(lambda connection: connection.execute(found).all())
        assert {row.key: bool(row.is_answer) for row in after} == {
            key: is_answer for key, (_, is_answer) in keys.items()
        }


def test_instants_that_no_plan_has_are_brought_into_bounds(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database, "0001")
        database.write(_fill)
        late = 1_795_865_816_999_000
        campaign = text(
            f"UPDATE campaign SET status = 'paused', base_at = -5, scheduled_at = {late}"
        )
        message = text(f"UPDATE message SET due_at = {late}")
        database.write(lambda connection: connection.execute(campaign))
        database.write(lambda connection: connection.execute(message))
        upgrade(database)
        kept = text(
            "SELECT base_at, campaign.scheduled_at, due_at, paused_by, paused_at > 0 "
            "FROM campaign JOIN message ON message.campaign_id = campaign.id"
        )
        row = database.read(lambda connection: connection.execute(kept).one())
        assert tuple(row) == (0, INSTANT_MAX, INSTANT_MAX, "person", True)


def test_an_address_belongs_to_who_had_it_first_and_all_keep_their_senders(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database, "0005")
        database.write(_fill_senders)
        upgrade(database)
        owners = text("SELECT name, account_id FROM sender_owner ORDER BY name")
        rows = database.read(lambda connection: connection.execute(owners).all())
        assert [tuple(row) for row in rows] == [("+61491570154", None), ("godwit", "b")]
        kept = text("SELECT account_id, status FROM sender ORDER BY account_id")
        rows = database.read(lambda connection: connection.execute(kept).all())
        assert [tuple(row) for row in rows] == [("a", "approved"), ("b", "approved")]


def test_numbers_in_an_older_form_are_rewritten_and_no_opt_out_is_lost(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database, "0007")
        database.write(_fill_opt_outs)
        upgrade(database)
        numbers = text("SELECT number, source FROM opt_out ORDER BY number")
        rows = database.read(lambda connection: connection.execute(numbers).all())
        # What no reader takes any more stays.
        assert [tuple(row) for row in rows] == [
            ("+15551234", "api"),
            ("+447911123457", "api"),
            ("+5491123456789", "stop"),
        ]
        # Each has the time by which a START undoes it.
        state = text("SELECT number, stopped_at, started_at FROM opt_out_state ORDER BY number")
        rows = database.read(lambda connection: connection.execute(state).all())
        assert [tuple(row) for row in rows] == [
            ("+15551234", 1, None),
            ("+447911123457", 1, None),
            ("+5491123456789", 1, None),
        ]


def test_replies_of_an_older_version_are_inbound_messages_of_their_campaign(any_url: str) -> None:
    with closing(Database(any_url)) as database:
        upgrade(database, "0009")
        database.write(_fill_replies)
        upgrade(database)
        kept = text(
            "SELECT i.id, writer, number, body, received_at, message_id, needs_review, replies "
            "FROM inbound_message i JOIN campaign ON campaign.id = i.campaign_id"
        )
        row = database.read(lambda connection: connection.execute(kept).one())
        assert tuple(row) == (
            "r", "+14155550100", "+18005559876", "Yes", 5, "m", False, 1
        )  # fmt: skip
        channel = text("SELECT callback_id, inbound_id, channel FROM reply_channel")
        row = database.read(lambda connection: connection.execute(channel).one())
        assert tuple(row) == ("cb", "r", "webhook")


def _fill_replies(connection: Connection) -> None:
    """A reply to a message, which is forwarded to a webhook."""
    _fill(connection, ", was_unknown", ", FALSE")
    connection.execute(
        text(
            "INSERT INTO reply (id, account_id, message_id, writer, number, body, received_at) "
            "VALUES ('r', 'a', 'm', '+14155550100', '+18005559876', 'Yes', 5)"
        )
    )
    connection.execute(text("INSERT INTO reply_channel VALUES ('cb', 'r', 'webhook')"))


def _fill_opt_outs(connection: Connection) -> None:
    """An account with opt-outs, the first in a form that an older reader made."""
    _fill_accounts(connection)
    for number, source in (
        ("+54111523456789", "stop"),
        ("+447911123457", "api"),
        ("+15551234", "api"),
    ):
        connection.execute(
            text("INSERT INTO opt_out VALUES ('a', :number, :source, 1)"),
            {"number": number, "source": source},
        )


def _fill_accounts(connection: Connection) -> None:
    for id in ("a", "b"):
        connection.execute(
            text(
                "INSERT INTO account (id, name, property_sid, created_at, active, strict_uniform, "
                "strict_keys, auto_key) VALUES (:id, :id, :id, 1, TRUE, FALSE, FALSE, 'random')"
            ),
            {"id": id},
        )


def _fill_senders(connection: Connection) -> None:
    """Two accounts with one name, and a number of the pool."""
    _fill_accounts(connection)
    connection.execute(
        text(
            "INSERT INTO sender (account_id, address, kind, active, created_at) VALUES "
            "('a', 'Godwit', 'alphanumeric', TRUE, 2), ('b', 'GODWIT', 'alphanumeric', TRUE, 1)"
        )
    )
    connection.execute(
        text("INSERT INTO pool_number (number, created_at) VALUES ('+61491570154', 1)")
    )


def _fill(connection: Connection, columns: str = "", values: str = "") -> None:
    """A row of each table that a message needs, as the first version wrote them.

    ``columns`` and their ``values`` are those that a message has needed since.
    """
    for table, row in {
        "account": "id, name, property_sid, created_at, active, strict_uniform, strict_keys, "
        "auto_key) VALUES ('a', 'acme', 'S', 1, TRUE, FALSE, FALSE, 'random'",
        "campaign": "id, account_id, dialect, status, total, created_at, spread_hours, base_at, "
        "payload_hash, exclude_opt_outs, unknown_policy, pauses_applied) "
        "VALUES ('c', 'a', 'native', 'running', 1, 1, 0, 1, '', TRUE, 'hold', 0",
        "message": "campaign_id, position, id, recipient, text, sender, kind, segments, status, "
        f"attempts, due_at{columns}) VALUES ('c', 0, 'm', '+14155550100', 'We open at nine', "
        f"'GODWIT', 'sms', 1, 'retryable', 2, 1{values}",
    }.items():
        connection.execute(text(f"INSERT INTO {table} ({row})"))


@pytest.mark.parametrize(
    "change",
    [
        "available = available - 1, held = held + 2",
        "available = -1, posted = granted + 1",
        "available = granted + 1, held = -1",
        "available = granted + 1, posted = -1",
    ],
)
def test_the_database_itself_refuses_a_balance_that_cannot_be(
    builder: StoreBuilder, change: str
) -> None:
    with pytest.raises(IntegrityError):
        builder.execute(f"UPDATE credit SET {change} WHERE kind = 'sms'")


@pytest.mark.parametrize("change", ["posted = -1", "voided = -1", "posted = amount, voided = 1"])
def test_the_database_itself_refuses_a_hold_that_cannot_be(
    builder: StoreBuilder, change: str
) -> None:
    builder.admit()
    with pytest.raises(IntegrityError):
        builder.execute(f"UPDATE hold SET {change} WHERE kind = 'sms'")
