"""``--json``: every command has it, and prints one document in the words of the native API."""

import json
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup

from campaign.states import MessageStatus
from tests.command_line import whole
from tests.starter.cli.conftest import CommandLine, ended
from tests.store.builders import StoreBuilder, number, outcome

# What runs until it is stopped and prints nothing but its log, and the demonstration.
WITHOUT_A_RESULT = {"api", "worker", "demo"}


def commands(group: TyperGroup, names: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    """Every command below a group by its words."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*names, name))
        elif isinstance(command, TyperCommand):
            yield " ".join((*names, name)), command


def test_every_command_that_has_a_result_takes_json() -> None:
    without = {
        name
        for name, command in commands(whole())
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == WITHOUT_A_RESULT


@pytest.mark.parametrize(
    ("order", "ordered"), [("pause", "pause"), ("resume", None), ("cancel", "cancel")]
)
def test_an_order_prints_the_campaign(
    godwit: CommandLine, builder: StoreBuilder, order: str, ordered: str | None
) -> None:
    # Temporal is away; the order is in the store all the same.
    campaign_id = builder.admit(2)
    shown = godwit(order, campaign_id, "--json").json
    assert (shown["id"], shown["counts"]["total"]) == (campaign_id, 2)
    if ordered is not None:
        assert shown["ordered"] == ordered


def test_watching_prints_the_campaign_as_a_line_of_json_per_change(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    watched = godwit("watch", campaign_id, "--json")
    (line,) = watched.out.splitlines()
    assert watched.code == 3
    assert json.loads(line) == godwit("status", campaign_id, "--json").json


def test_a_report_is_json_beside_its_csv_file_where_both_are_wanted(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    plain = godwit("report", campaign_id).json
    assert godwit("report", campaign_id, "--json").json == plain
    file = str(godwit.directory / "report.csv")
    assert godwit("report", campaign_id, "--csv", file).out == ""
    assert godwit("report", campaign_id, "--csv", file, "--json").json == plain


def test_a_stop_and_its_end_are_printed_as_the_api_answers(godwit: CommandLine) -> None:
    stopped = godwit("stop", "--json").json
    assert (stopped["stopped"], stopped["by"]) == (True, "operator")
    held = godwit("stop", "--all", "--json").json
    assert held["stopped"] is True
    refused = godwit("start", "--json")
    assert refused.code == 1 and json.loads(refused.out)["stopped"] is True
    assert godwit("start", "--all", "--json").json == {"stopped": False, "since": None, "by": None}


def test_a_resolved_message_is_printed_as_the_api_shows_it(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = builder.admit(1)
    (position,) = builder.claimed(campaign_id)
    builder.write(campaign_id, outcome(position, MessageStatus.UNKNOWN, code="no_answer"))
    shown = godwit("resolve", campaign_id, number(0), "sent", "--json").json
    assert (shown["to"], shown["status"]) == (number(0), "sent")


def test_keys_are_listed_and_revoked_as_json(godwit: CommandLine) -> None:
    made = godwit("key", "create", "--sandbox", "--json").json
    first, second = godwit("key", "list", "--json").json
    assert (first["revoked"], second["keyId"]) == (False, made["keyId"])
    assert second["sandbox"] is True and "keySecret" not in second
    revoked = godwit("key", "revoke", made["keyId"], "--json").json
    assert revoked == {"keyId": made["keyId"], "revoked": True}
    assert godwit("key", "list", "--json").json[1]["revoked"] is True


def test_senders_and_rates_are_json(godwit: CommandLine) -> None:
    added = godwit("sender", "add", "+14155550177", "--rate", "5", "--json").json
    assert added == {
        "address": "+14155550177",
        "kind": "long_code",
        "active": True,
        "status": "approved",
    }
    listed = godwit("sender", "list", "--json").json
    assert added | {"rate": 5.0, "carriers": None} in listed
    assert godwit("sender", "requests", "--json").json == []
    removed = godwit("sender", "remove", "+14155550177", "--json").json
    assert removed == {"address": "+14155550177", "removed": True}
    limited = godwit("carrier", "rate", "pretend", "20", "--json").json
    assert limited == {"name": "pretend", "rate": 20.0}
    pooled = godwit("sender", "pool", "add", "+61491570156", "--json").json
    assert pooled == [{"number": "+61491570156", "country": "AU", "added": True}]
    gone = godwit("sender", "pool", "remove", "+61491570156", "--json").json
    assert gone == {"number": "+61491570156", "removed": True}


def test_what_is_done_to_the_database_is_json(godwit: CommandLine, builder: StoreBuilder) -> None:
    builder.admit(1)
    assert godwit("db", "upgrade", "--json").json == {"schema": "current"}
    assert godwit("db", "restored", "--json").json == {"campaigns": 1}
