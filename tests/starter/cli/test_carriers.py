"""``godwit carrier``, and the speeds and routes of senders and accounts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from campaign.settings import Settings
from store.store import Store, open_store
from tests.starter.cli.conftest import SECRET, CommandLine


@contextmanager
def opened(godwit: CommandLine) -> Iterator[Store]:
    """The store behind the command line."""
    url = godwit.environment["GODWIT_DATABASE_URL"]
    store = open_store(Settings(database_url=url, secret_key=SECRET))  # type: ignore[arg-type]
    yield store
    store.close()


def test_carriers_in_use_are_listed_with_their_speed_and_health(godwit: CommandLine) -> None:
    (one,) = godwit("carrier", "list", "--json").json
    assert one == {"name": "pretend", "rate": None, "downSince": None, "reason": None}
    assert godwit("carrier", "rate", "pretend", "100").out == "pretend, 100 segments/s\n"
    with opened(godwit) as store:
        store.health.trip("pretend", "no_connection", 1_795_255_200_000, 1_795_255_201_000)
    (one,) = godwit("carrier", "list", "--json").json
    assert one["rate"] == 100.0 and one["reason"] == "no_connection"
    assert one["downSince"] == "2026-11-21T10:00:00.000Z"
    result = godwit("carrier", "list").out
    assert result.startswith("pretend, 100 segments/s, down since 2026-11-21T10:00:00.000Z")
    with opened(godwit) as store:
        store.health.restore("pretend")
    assert godwit("carrier", "rate", "pretend", "--unlimited").out == "pretend, no rate limit\n"
    assert godwit("carrier", "list").out == "pretend\n"


def test_what_is_no_carrier_gets_no_speed(godwit: CommandLine) -> None:
    result = godwit("carrier", "rate", "pigeon", "5")
    assert result.code == 1 and "no carrier is named 'pigeon'" in result.err


@pytest.mark.parametrize("rate", ["-1", "100001", "fast"])
def test_what_is_no_speed_is_refused(godwit: CommandLine, rate: str) -> None:
    assert godwit("carrier", "rate", "pretend", "--", rate).code == 2
    assert godwit("sender", "add", "72345", "--rate", rate).code == 2
    with opened(godwit) as store:
        assert store.rates.rates() == {}


def test_a_sender_gets_a_speed_and_a_route_and_loses_them(godwit: CommandLine) -> None:
    options = ("--rate", "20", "--carriers", "pretend")
    assert godwit("sender", "add", "72345", *options).out == "72345 (short_code)\n"
    assert "72345 (short_code), 20 segments/s, through pretend\n" in godwit("sender", "list").out
    assert godwit("sender", "add", "72345", "--rate", "40").code == 0
    assert "72345 (short_code), 40 segments/s, through pretend\n" in godwit("sender", "list").out
    assert godwit("sender", "add", "72345", "--unlimited", "--carriers", "").code == 0
    assert "72345 (short_code)\n" in godwit("sender", "list").out
    result = godwit("sender", "add", "72345", "--carriers", "pretend,pigeon")
    assert result.code == 1 and "pigeon" in result.err


def test_an_account_gets_a_route(godwit: CommandLine) -> None:
    name = godwit("account", "show", "--json").json["accountId"]
    shown = godwit("account", "set", name, "--carriers", "pretend", "--json").json
    assert shown["carriers"] == "pretend"
    assert godwit("account", "set", name, "--carriers", "", "--json").json["carriers"] is None
    assert godwit("account", "set", name, "--carriers", "pigeon").code == 1


def test_a_rate_of_nothing_is_refused_and_says_what_is_meant(godwit: CommandLine) -> None:
    godwit("carrier", "rate", "pretend", "100")
    refused = "a rate of 0 is refused: to send nothing use 'godwit stop', for no limit --unlimited"
    for zero in ("0", "0.0", "0e5"):
        assert godwit("carrier", "rate", "pretend", zero).fault == refused
        assert godwit("sender", "add", "72345", "--rate", zero).fault == refused
    assert godwit("carrier", "rate", "pretend", "5", "--unlimited").code == 1
    assert "--unlimited" in godwit("carrier", "rate", "pretend").fault
    assert godwit("sender", "add", "72345", "--rate", "5", "--unlimited").code == 1
    assert godwit("carrier", "list").out == "pretend, 100 segments/s\n"
    assert "72345" not in godwit("sender", "list").out
