"""What a user can do wrong: exit 1 and one line on stderr that says what, never a traceback."""

import socket
from collections.abc import Iterator

import pytest
from typer.core import TyperGroup

from tests.command_line import whole
from tests.starter.cli.conftest import CommandLine, ended
from tests.store.builders import StoreBuilder

PEOPLE = {"recipients": [{"to": "+14155551000", "text": "Hi"}]}
CSV = "to,text\n+14155551000,Hi\n"


def commands(group: TyperGroup, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command and group of commands below one, by its words."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


COMMANDS = list(commands(whole()))
ON_THE_STORE = [
    ("list",),
    ("status", "cmp_1"),
    ("watch", "cmp_1"),
    ("report", "cmp_1"),
    ("audit",),
    ("db", "restored"),
    ("pause", "cmp_1"),
    ("account", "create", "beta"),
    ("account", "show"),
    ("account", "list"),
    ("key", "list"),
    ("key", "revoke", "AK1"),
    ("sender", "list"),
]
ON_A_CAMPAIGN = [
    words for words in COMMANDS if words[:1] in [("status",), ("watch",), ("report",)]
] + [("pause",), ("resume",), ("cancel",), ("audit",), ("report", "--csv", "report.csv")]


# --------------------------------------------------------------------------- help


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(bare: CommandLine, words: tuple[str, ...]) -> None:
    result = bare(*words, "--help")
    assert result.code == 0 and result.err == ""
    assert "Usage: " in result.out and " ".join(words) in result.out
    assert not list(bare.directory.iterdir())


def test_without_a_command_the_help_is_shown(bare: CommandLine) -> None:
    result = bare.process()
    assert "Usage: " in result.out + result.err and "account" in result.out + result.err
    assert bare.process("--help").code == 0


def test_the_commands_that_are_promised_are_there() -> None:
    promised = "up api worker send list status watch pause resume cancel report audit demo"
    promised += " reschedule retry why resolve stop start env prove listen find"
    groups = {
        "db": "upgrade restored",
        "account": "create credit show list",
        "key": "create revoke",
        "sender": "add approve list remove requests",
    }
    assert {(word,) for word in promised.split()} <= set(COMMANDS)
    for group, words in groups.items():
        assert {(group, word) for word in words.split()} <= set(COMMANDS)


@pytest.mark.parametrize("words", [("fly",), ("list", "--fly"), ("watch",), ("account", "fly")])
def test_what_is_no_command_is_a_usage_error(bare: CommandLine, words: tuple[str, ...]) -> None:
    result = bare(*words)
    assert result.code == 2 and "Traceback" not in result.err


# --------------------------------------------------------------------------- no database


@pytest.mark.parametrize("words", ON_THE_STORE, ids=" ".join)
def test_without_a_database_the_way_to_one_is_shown_and_none_is_made(
    bare: CommandLine, words: tuple[str, ...]
) -> None:
    fault = bare(*words).fault
    assert fault.startswith("there is no database ") and "'godwit db upgrade'" in fault
    assert not list(bare.directory.iterdir())


def test_without_any_setting_no_database_is_made_in_the_present_directory(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bare.directory)
    del bare.environment["GODWIT_DATABASE_URL"], bare.environment["GODWIT_DATA"]
    assert "there is no database .godwit/godwit.db" in bare("list").fault
    assert not list(bare.directory.iterdir())


def test_a_database_without_the_schema_is_said_to_be_so(bare: CommandLine) -> None:
    bare.file("commands.db", b"")
    assert "is not current: run 'godwit up'" in bare("list").fault


@pytest.mark.parametrize(
    "url, reason",
    [
        ("nonsense", "parse"),
        ("mysql://user:hunter2@localhost/godwit", "unsupported database"),
        ("sqlite://", "must be a file"),
        ("sqlite:////", "cannot use the database"),
        ("postgresql+psycopg://user:hunter2@127.0.0.1:1/godwit", "cannot use the database"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_to_be_so_without_its_password(
    bare: CommandLine, url: str, reason: str
) -> None:
    bare.environment["GODWIT_DATABASE_URL"] = url
    for words in (("list",), ("db", "upgrade")):
        fault = bare(*words).fault
        assert reason in fault and "hunter2" not in fault


def test_a_file_that_is_no_database_is_left_as_it_is(bare: CommandLine) -> None:
    bare.file("commands.db", b"dear diary" * 100)
    for words in (("list",), ("db", "upgrade")):
        assert "file is not a database" in bare(*words).fault
    assert (bare.directory / "commands.db").read_bytes() == b"dear diary" * 100


def test_a_setting_that_cannot_be_used_is_named(godwit: CommandLine) -> None:
    godwit.environment["GODWIT_API_PORT"] = "eighty"
    assert "the setting API_PORT is not valid: " in godwit("list").fault


def test_a_port_of_the_api_that_is_in_use_is_named_with_its_setting(bare: CommandLine) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        bare.environment["GODWIT_API_PORT"] = str(port)
        assert bare.process("api").fault == (
            f"port {port} is in use; set GODWIT_API_PORT to another one"
        )
    bare.environment["GODWIT_API_PORT"] = "70000"
    assert "the setting API_PORT is not valid" in bare.process("api").fault
    for option in ("--port", "--temporal-port", "--ui-port", "--carrier-port"):
        for number in ("70000", "-1", "http"):
            assert bare("up", option, number).code == 2


# --------------------------------------------------------------------------- nobody there


@pytest.mark.parametrize("words", ON_A_CAMPAIGN, ids=" ".join)
def test_an_unknown_campaign_is_named(godwit: CommandLine, words: tuple[str, ...]) -> None:
    command, *options = words
    assert godwit(command, "cmp_1", *options).fault == "there is no campaign 'cmp_1'"
    assert not (godwit.directory / "report.csv").exists()


def test_an_unknown_account_is_named(godwit: CommandLine) -> None:
    file = godwit.file("a.csv", CSV)
    for words in (
        ("account", "show", "nobody"),
        ("account", "credit", "nobody", "sms", "5"),
        ("account", "set", "nobody", "--active"),
        ("key", "create", "--account", "nobody"),
        ("key", "list", "--account", "nobody"),
        ("sender", "add", "72345", "--account", "nobody"),
        ("sender", "list", "--account", "nobody"),
        ("sender", "remove", "72345", "--account", "nobody"),
        ("list", "--account", "nobody"),
        ("send", file, "--account", "nobody"),
    ):
        assert godwit(*words).fault == "there is no account 'nobody'"


def test_without_any_account_the_way_to_one_is_shown(bare: CommandLine) -> None:
    bare("db", "upgrade")
    assert "none; create one with 'godwit account create'" in bare("account", "show").fault


def test_a_taken_name_is_refused_and_its_account_left_alone(godwit: CommandLine) -> None:
    before = godwit("account", "show", "acme", "--json").json
    result = godwit("account", "create", "acme", "--sms-credits", "5", "--sender", "72345")
    assert result.fault == "there is an account named 'acme' already"
    assert godwit("account", "show", "acme", "--json").json == before


@pytest.mark.parametrize("words", [("send",), ("send", "--dry-run")], ids=" ".join)
def test_a_file_that_is_not_there_is_a_usage_error(
    godwit: CommandLine, words: tuple[str, ...]
) -> None:
    for file in ("missing.json", str(godwit.directory)):
        result = godwit(*words, file)
        assert result.code == 2 and "Traceback" not in result.err


# --------------------------------------------------------------------------- bad files

BAD_JSON: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not JSON"),
    "half of it": (b'{"recipients":[', "not JSON: line 1"),
    "a comma too many": (b'{"recipients":[],}', "not JSON"),
    "another encoding": ('{"name":"caf\u00e9"}'.encode("latin-1"), "UTF-8"),
    "a member twice": (b'{"name":"a","name":"b"}', "twice"),
    "no number": (b'{"spreadHours":NaN}', "NaN"),
    "lists in lists": (b"[" * 100_000, "a"),
    "no object": (b"[]", "campaign: "),
    "no recipients": (b'{"recipients":[]}', "recipients: "),
    "no number to send to": (b'{"recipients":[{"to":"Bob","text":"Hi"}]}', "recipients[0].to: "),
    "a member unheard of": (
        b'{"recipients":[{"to":"+14155551000","txt":""}]}',
        "recipients[0].txt",
    ),
}
BAD_CSV: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "among them 'to'"),
    "no column of numbers": (b"who,text\n+14155551000,Hi\n", "it has 'who', 'text'"),
    "two columns of a name": (b"to,text,Text \n+14155551000,a,b\n", "the same name"),
    "a cell too many": (CSV.encode() + b"+14155551001,Hi,there\n", "line 3, column C: 'there' "),
    "an open quote": (b'to,text\n+14155551000,"Hi\n', "line 2: not CSV: a quote"),
    "a quote in between": (b'to,text\n+14155551000,"Hi" there\n', "line 2: not CSV: a quote"),
    "Cyrillic": ("to,text\n+14155551000,Привет Иван\n".encode("cp1251"), "not UTF-8"),
    "half of UTF-16": (CSV.encode("utf-16")[:-1], "not valid UTF-16"),
    "a cell of 140 KB": (CSV.encode() + b"+1," + b"a" * 140_000, "line 3: not CSV"),
    "an archive": (b"PK\x03\x04" + b"\x00" * 100, "cannot be read"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as XLSX"),
    "only a header": (b"to,text\n", "recipients: "),
    "no text": (b"to,text\n+14155551000\n", "line 2, column text: "),
    "no number to send to": (b"to,text\nBob,Hi\n", "line 2, column to: 'Bob' "),
    "a NUL": (b"to,text\n+14155551000,a\x00b\n", "U+0000"),
}


@pytest.mark.parametrize("content, reason", BAD_JSON.values(), ids=BAD_JSON)
def test_a_bad_json_file_is_refused_with_its_fault(
    godwit: CommandLine, content: bytes, reason: str
) -> None:
    for words in (("send",), ("send", "--dry-run")):
        assert reason in godwit(*words, godwit.file("bad.json", content)).fault
    assert godwit("list", "--json").json == []


@pytest.mark.parametrize("content, reason", BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_csv_file_is_refused_with_its_fault(
    godwit: CommandLine, content: bytes, reason: str
) -> None:
    for words in (("send",), ("send", "--dry-run")):
        assert reason in godwit(*words, godwit.file("bad.csv", content)).fault
    assert godwit("list", "--json").json == []


def test_every_fault_of_a_file_is_told_in_a_line_of_its_own(godwit: CommandLine) -> None:
    people = [{"to": "Alice", "text": "Hi"}, {"to": "Bob", "text": "Hi"}]
    result = godwit("send", godwit.file("bad.json", {"recipients": people}))
    assert result.code == 1
    assert [line.split(":")[1] for line in result.err.splitlines()] == [
        " recipients[0].to",
        " recipients[1].to",
    ]


# --------------------------------------------------------------------------- no Temporal


def test_without_temporal_a_campaign_is_withdrawn_and_costs_nothing(godwit: CommandLine) -> None:
    file = godwit.file("a.json", {**PEOPLE, "idempotencyKey": "once"})
    for _ in range(2):
        fault = godwit("send", file).fault
        assert fault.startswith("Temporal: ") and fault.endswith("running? (TEMPORAL_ADDRESS)")
    campaigns = godwit("list", "--json").json
    assert {campaign["status"] for campaign in campaigns} == {"refused"}
    assert {campaign["refusals"][0]["code"] for campaign in campaigns} == {"abandoned"}
    assert godwit("account", "show", "--json").json["credits"]["sms"]["available"] == 100
    assert godwit("audit").code == 0


@pytest.mark.parametrize(
    ("order", "status"), [("pause", "paused"), ("resume", "running"), ("cancel", "running")]
)
def test_without_temporal_an_order_is_in_the_store_and_holds(
    godwit: CommandLine, builder: StoreBuilder, order: str, status: str
) -> None:
    campaign_id = builder.admit()
    for result in (godwit(order, campaign_id), godwit.process(order, campaign_id)):
        assert result.code == 0 and "requested; the campaign was" in result.out
    shown = godwit("status", campaign_id, "--json").json
    # There was nothing to resume.
    assert (shown["status"], shown["ordered"]) == (status, None if order == "resume" else order)
    assert builder.flush_and_claim(campaign_id).held is (order != "resume")


@pytest.mark.parametrize("order", ["pause", "resume", "cancel"])
def test_what_has_ended_takes_no_orders(
    godwit: CommandLine, builder: StoreBuilder, order: str
) -> None:
    assert godwit(order, ended(builder)).fault == ("the campaign has ended: finished_with_failures")
