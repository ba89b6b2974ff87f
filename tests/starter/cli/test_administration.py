"""``godwit account``, ``key``, ``sender`` and ``db``: administration straight on the store."""

import json
import re

import pytest

from campaign.settings import Settings
from store.store import open_store
from tests.starter.cli.conftest import SECRET, CommandLine
from tests.store.builders import StoreBuilder

SHOWN = {"accountId", "keyId", "keySecret", "bearer", "propertySid", "senders"}


def opens(godwit: CommandLine, key_id: str, secret: str) -> bool:
    """Tell whether a key pair opens anything."""
    settings = Settings(
        database_url=godwit.environment["GODWIT_DATABASE_URL"],
        secret_key=SECRET,  # type: ignore[arg-type]
    )
    store = open_store(settings)
    try:
        return store.api_keys.authenticate(key_id, secret) is not None
    finally:
        store.close()


# --------------------------------------------------------------------------- db


def test_the_database_is_made_once_and_the_second_upgrade_changes_nothing(
    bare: CommandLine,
) -> None:
    for _ in range(2):
        result = bare.process("db", "upgrade")
        assert (result.code, result.err) == (0, "")
        assert result.out == "the database schema is current\n"
    assert bare("list", "--json").json == []


def test_a_restored_database_is_marked_once(godwit: CommandLine, builder: StoreBuilder) -> None:
    builder.admit(2)
    said = "campaigns whose messages are looked up before they are sent: "
    assert godwit("db", "restored").out == f"{said}1\n"
    assert godwit("db", "restored").out == f"{said}0\n"


def test_an_upgrade_makes_the_directory_of_the_database(bare: CommandLine) -> None:
    deep = bare.directory / "one" / "two" / "godwit.db"
    bare.environment["GODWIT_DATABASE_URL"] = f"sqlite:///{deep}"
    assert bare.process("db", "upgrade").code == 0
    assert oct(deep.stat().st_mode & 0o777) == "0o600"
    assert oct(deep.parent.stat().st_mode & 0o777) == "0o700"


def test_an_upgrade_leaves_what_is_there(godwit: CommandLine) -> None:
    before = godwit("account", "show", "--json").json
    assert godwit("db", "upgrade").code == 0
    assert godwit("account", "show", "--json").json == before


# --------------------------------------------------------------------------- account


def test_a_new_account_comes_with_a_key_that_opens_it(godwit: CommandLine) -> None:
    senders = ("--sender", "72345", "--sender", "GODWIT")
    made = godwit("account", "create", "beta", "--mms-credits", "7", *senders, "--json").json
    assert set(made) == SHOWN and made["senders"] == ["72345", "GODWIT"]
    assert opens(godwit, made["keyId"], made["keySecret"])
    shown = godwit("account", "show", "beta", "--json").json
    assert shown["accountId"] == made["accountId"]
    assert shown["credits"]["mms"] == {"granted": 7, "available": 7, "held": 0, "posted": 0}
    assert shown["credits"]["sms"]["granted"] == 0
    assert godwit("account", "show", made["accountId"], "--json").json == shown


def test_a_new_account_is_shown_to_a_person_with_the_same_members(godwit: CommandLine) -> None:
    result = godwit("account", "create", "beta")
    assert result.code == 0
    assert SHOWN == {line.split()[0] for line in result.out.splitlines()[:6]}


def test_an_account_is_found_by_name_by_id_or_as_the_only_one(godwit: CommandLine) -> None:
    only = godwit("account", "show", "--json").json
    assert only["name"] == "acme" and only["senders"] == ["+18005559876"]
    assert godwit("account", "show", "acme", "--json").json == only
    assert godwit("account", "show", only["accountId"], "--json").json == only
    assert "acme" in godwit("account", "show").out
    godwit("account", "create", "beta")
    assert "(accounts: acme, beta)" in godwit("account", "show").fault
    listed = godwit("account", "list", "--json").json
    assert [account["name"] for account in listed] == ["acme", "beta"]
    assert godwit("account", "list").out.split()[1::2] == ["acme", "beta"]


def test_credits_are_added_once_per_reference_and_taken_back(godwit: CommandLine) -> None:
    invoice = ("account", "credit", "acme", "sms", "50", "--reference", "invoice-17", "--json")
    expected = {"kind": "sms", "granted": 150, "available": 150}
    assert godwit(*invoice).json == expected
    assert godwit(*invoice).json == expected
    result = godwit("account", "credit", "acme", "sms", "-20", "--json")
    assert result.json == {"kind": "sms", "granted": 130, "available": 130}
    assert godwit("account", "credit", "acme", "mms", "1").out == "1 mms credits are available\n"
    assert "fewer credits" in godwit("account", "credit", "acme", "sms", "-131").fault
    assert godwit("account", "show", "--json").json["credits"]["sms"]["available"] == 130
    assert godwit("audit").code == 0


def test_switches_are_changed_and_the_rest_stays(godwit: CommandLine) -> None:
    godwit("account", "set", "acme", "--daily-quota", "500")
    changed = godwit("account", "set", "acme", "--strict-keys", "--json").json
    assert (changed["daily_quota"], changed["strict_keys"]) == (500, True)
    assert godwit("account", "show", "--json").json["dailyQuota"] == 500
    assert "give an option" in godwit("account", "set", "acme").fault
    assert "--auto-key" in godwit("account", "set", "acme", "--auto-key", "x").fault


@pytest.mark.parametrize("amount", ["5.5", "many", "1000000000001", "-1000000000001", "9" * 30])
def test_an_amount_that_is_none_is_a_usage_error(godwit: CommandLine, amount: str) -> None:
    result = godwit("account", "credit", "acme", "sms", amount)
    assert result.code == 2 and "Traceback" not in result.err
    assert godwit("account", "create", "beta", "--sms-credits", amount).code == 2
    assert godwit("account", "credit", "acme", "gold", "5").code == 2


# --------------------------------------------------------------------------- key


def test_a_sandbox_key_is_made_and_marked(godwit: CommandLine) -> None:
    made = godwit("key", "create", "--sandbox", "--json").json
    assert made["sandbox"] is True
    assert f"{made['keyId']}  *, sandbox" in godwit("key", "list").out


def test_a_key_has_a_name_of_one_line(godwit: CommandLine) -> None:
    made = godwit("key", "create", "--name", "Front [desk]", "--json").json
    assert f"{made['keyId']}  *  Front [desk]" in godwit("key", "list").out
    assert "one line" in godwit("key", "create", "--name", "a\nb").fault


def test_a_further_key_opens_the_account_until_it_is_revoked(godwit: CommandLine) -> None:
    made = godwit("key", "create", "--permission", "create:BatchSMS", "--json").json
    assert set(made) == SHOWN | {"sandbox"} and made["sandbox"] is False
    assert opens(godwit, made["keyId"], made["keySecret"])
    assert f"{made['keyId']}  create:BatchSMS" in godwit("key", "list").out
    assert godwit("key", "revoke", made["keyId"]).out == "revoked\n"
    assert not opens(godwit, made["keyId"], made["keySecret"])
    assert f"{made['keyId']}  revoked" in godwit("key", "list").out
    assert (
        godwit("key", "revoke", made["keyId"]).fault == f"there is no active key {made['keyId']!r}"
    )


def test_a_key_for_a_person_names_its_three_parts(godwit: CommandLine) -> None:
    result = godwit("key", "create", "--account", "acme")
    assert re.fullmatch(r"keyId AK\w{30}\nkeySecret \S{44}\nbearer gwb_\S+\n", result.out)


def test_the_secret_key_may_lie_in_the_data_directory_or_beside_the_database(
    godwit: CommandLine,
) -> None:
    del godwit.environment["GODWIT_SECRET_KEY"]
    assert "GODWIT_SECRET_KEY is not set" in godwit("key", "create").fault
    godwit.file("secret.key", SECRET + "\n")
    made = godwit("key", "create", "--json").json
    assert opens(godwit, made["keyId"], made["keySecret"])


# --------------------------------------------------------------------------- sender


def test_senders_are_added_listed_and_removed(godwit: CommandLine) -> None:
    for address, kind in (("72345", "short_code"), ("My Shop", "alphanumeric")):
        for _ in range(2):
            assert godwit("sender", "add", address).out == f"{address} ({kind})\n"
    assert godwit("sender", "list", "--account", "acme").out.splitlines() == [
        "+18005559876 (long_code)",
        "72345 (short_code)",
        "My Shop (alphanumeric)",
    ]
    assert godwit("sender", "remove", "72345").out == "removed\n"
    assert godwit("sender", "remove", "72345").fault == "the account has no sender '72345'"
    assert "72345" not in godwit("sender", "list").out


@pytest.mark.parametrize(
    "address",
    [
        "bad!",
        "",
        "1234",
        "7654321",
        "+0123",
        "TwelveLetter",
        "\u0661\u0662\u0663\u0664\u0665",
        "a\nb",
    ],
)
def test_what_is_no_sender_is_refused_and_leaves_nothing(godwit: CommandLine, address: str) -> None:
    assert "is no sender: give" in godwit("sender", "add", address).fault
    assert "is no sender: give" in godwit("account", "create", "b", "--sender", address).fault
    assert godwit("account", "list").out.split()[1:] == ["acme"]
    assert godwit("sender", "list").out.splitlines() == ["+18005559876 (long_code)"]


# --------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["[/x]", "a [red]b[/red]", ":smile:", "[link=https://a.b]c"])
def test_a_name_is_shown_as_it_is_and_not_as_markup(godwit: CommandLine, name: str) -> None:
    assert godwit("account", "create", name).code == 0
    assert name in godwit("account", "list").out
    assert name in godwit("account", "show", name).out
    assert name in godwit("account", "show").fault


def test_nothing_in_a_name_reaches_the_terminal_as_a_control(godwit: CommandLine) -> None:
    odd = "a\x1b[2Jb\rc\u202ed\u2028e"
    made = godwit("account", "create", odd, "--json").json
    signed_events = (
        godwit("account", "list").out,
        godwit("account", "show", made["accountId"]).out,
        godwit("account", "show").fault,
    )
    for result in signed_events:
        assert not re.search("[\x1b\r\u202e\u2028]", result)
        assert "a\ufffd[2Jb\ufffdc\ufffdd\ufffde" in result
    names = [account["name"] for account in godwit("account", "list", "--json").json]
    assert odd in names


@pytest.mark.parametrize("wanted", [("",), ("read:campaigns",), ("*", "*"), ("*", "admin")])
def test_a_key_with_unknown_or_repeated_permissions_is_refused(
    godwit: CommandLine, wanted: tuple[str, ...]
) -> None:
    before = godwit("key", "list").out
    options = [word for name in wanted for word in ("--permission", name)]
    result = godwit("key", "create", *options)
    assert result.code == 1 and "permission" in result.fault
    assert godwit("key", "list").out == before


def test_status_without_an_id_names_the_parts_that_are_not_ready(godwit: CommandLine) -> None:
    result = godwit("status")
    assert result.code == 1
    lines = result.out.splitlines()
    assert all(len(line) < 80 for line in lines)
    assert lines[0] == "database  ok"
    assert any(line.startswith("temporal  NOT READY") for line in lines)
    shown = json.loads(godwit("status", "--json").out)
    assert shown["database"] and not shown["temporal"]
    assert set(shown["problems"]) == {"temporal", "workers"}
