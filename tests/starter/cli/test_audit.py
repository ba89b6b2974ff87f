"""``godwit audit``, ``list`` and ``status`` say which open campaigns do not go on."""

import json

from campaign.orders import Order
from campaign.states import CampaignStatus
from starter.cli import audit
from store.campaigns.open_campaigns import WORKFLOW_LOST
from tests.starter.cli.conftest import CommandLine, ended
from tests.store.builders import NOW, StoreBuilder


def lost(builder: StoreBuilder) -> str:
    """A campaign that was revived, and waits for a person."""
    campaign_id = builder.admit(2)
    assert builder.store.open_campaigns.pause_lost(campaign_id, NOW)
    return campaign_id


def test_without_temporal_the_books_are_checked_and_the_rest_is_said(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    builder.admit(2)
    result = godwit("audit")
    assert result.code == 0 and result.out.endswith("the books are in balance\n")
    assert result.err.startswith("godwit: workflows could not be checked: ")
    assert len(result.err.splitlines()) == 1
    shown = godwit("audit", "--json").json
    assert (shown["findings"], shown["unchecked"]) == ([], ["workflows"])


def test_an_ended_campaign_needs_no_workflow(godwit: CommandLine, builder: StoreBuilder) -> None:
    ended(builder)
    result = godwit("audit")
    assert (result.code, result.err) == (0, "")


def test_a_campaign_that_waits_for_a_person_is_off_by_id(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id, other = lost(builder), builder.admit(1)
    result = godwit("audit")
    assert result.code == 1
    expected = f"OFF  {audit.GOES_ON}: {campaign_id}: expected no problem, found {WORKFLOW_LOST}"
    assert expected in result.out.splitlines()
    assert result.out.endswith("in balance\n1 open campaigns do not go on by themselves\n")
    assert godwit("audit", campaign_id).code == 1
    assert godwit("audit", other).code == 0
    finding = {
        "check": audit.GOES_ON,
        "subject": campaign_id,
        "expected": "no problem",
        "found": WORKFLOW_LOST,
    }
    assert json.loads(godwit("audit", "--json").out)["findings"] == [finding]


def test_list_and_status_say_who_paused_it_and_what_to_do(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id, other = lost(builder), builder.admit(1)
    builder.store.campaigns.report_problem(other, "needs_help:settle:LedgerError", NOW)
    lines = godwit("list").out.splitlines()
    assert f"{campaign_id} {WORKFLOW_LOST}, paused by the system" in lines
    assert f"{other} needs_help:settle:LedgerError" in lines
    out = godwit("status", campaign_id).out
    assert f"godwit resume {campaign_id}" in out and f"godwit cancel {campaign_id}" in out
    assert "needs_help:settle:LedgerError" in godwit("status", other).out
    shown = godwit("status", campaign_id, "--json").json
    assert (shown["status"], shown["pausedBy"]) == ("paused", "system")
    assert shown["problem"] == WORKFLOW_LOST
    order = builder.store.orders.give(campaign_id, Order.RESUME, NOW).number
    builder.store.campaigns.set_status(campaign_id, CampaignStatus.RUNNING, NOW, order)
    shown = godwit("status", campaign_id, "--json").json
    assert (shown["pausedBy"], shown["problem"]) == (None, None)
    assert "godwit resume" not in godwit("status", campaign_id).out
