"""``godwit audit``: the books against each other, and open campaigns against Temporal."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from campaign.failures import ServiceUnavailable
from campaign.settings import Settings
from service.campaigns import open_campaign_service
from starter.cli.context import CommandError, find_settings, opened_store, plain
from starter.cli.output import Json, print_json
from store.campaigns.audit import Finding, audit
from store.store import Store

# Asking Temporal may take this long; an operator gets an answer in any case.
WORKFLOWS_SECONDS = 8.0
PAGE = 1_000
RUNS = "an open campaign has a running workflow"
GOES_ON = "an open campaign goes on by itself"
STUCK = "a workflow can go on with the code of its workers"


def audit_store(
    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Campaign id; default: all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that messages, credits and keys agree, and that a workflow runs each open campaign.

    Names everything that is off, and exits 1 then. When Temporal does not answer, workflows are
    not checked and a line on stderr says so.
    """
    settings = find_settings()
    with opened_store(settings) as store:
        if id is not None and store.campaigns.get(id) is None:
            raise CommandError(f"there is no campaign {id!r}")
        ledger = audit(store.database, id)
        workflows, checked = audit_workflows(settings, store, id)
    findings = [*ledger.findings, *workflows]
    if as_json:
        report = {**asdict(ledger), "findings": [asdict(finding) for finding in findings]}
        if not checked:
            report["unchecked"] = ["workflows"]
        print_json(report)
    else:
        typer.echo(
            f"checked {_count(ledger.accounts, 'account')}, "
            f"{_count(ledger.campaigns, 'campaign')}, {_count(ledger.messages, 'message')}"
        )
        for finding in findings:
            what = f"{finding.check}: {finding.subject}"
            typer.echo(f"OFF  {what}: expected {finding.expected}, found {plain(finding.found)}")
        typer.echo("the books do not balance" if ledger.findings else "the books are in balance")
        if workflows:
            typer.echo(f"{len(workflows):,} open campaigns do not go on by themselves")
    if findings:
        raise typer.Exit(1)


def audit_workflows(
    settings: Settings, store: Store, campaign_id: str | None
) -> tuple[Sequence[Finding], bool]:
    """What keeps open campaigns from going on, and whether Temporal could be asked.

    A campaign without a workflow is found by asking Temporal; one with a problem, such as one
    that was revived and waits for a person, is in the store.
    """
    lost: list[str] = []
    stuck: list[str] = []
    checked = True
    try:
        if store.open_campaigns.page("", 1):
            lost, stuck = asyncio.run(_ask_temporal(settings, store, campaign_id))
    except (ServiceUnavailable, TimeoutError) as error:
        checked = False
        reason = str(error) or "no answer in time"
        sys.stderr.write(f"godwit: workflows could not be checked: {reason}\n")
    findings = [Finding(RUNS, id, "a running workflow", "none") for id in lost]
    findings += [Finding(STUCK, id, "no failing task", "a failing task") for id in stuck]
    findings += [
        Finding(GOES_ON, id, "no problem", problem)
        for id, problem in _problems(store, campaign_id)
        if id not in lost
    ]
    return findings, checked


async def _ask_temporal(
    settings: Settings, store: Store, campaign_id: str | None
) -> tuple[list[str], list[str]]:
    """The campaigns that no workflow runs, and those whose workflow cannot go on."""
    async with asyncio.timeout(WORKFLOWS_SECONDS):
        service = await open_campaign_service(settings, store)
        stuck = await service.lost.find_stuck()
        return await service.lost.find(campaign_id), [
            id for id in stuck if campaign_id in (None, id)
        ]


def _problems(store: Store, campaign_id: str | None) -> Sequence[tuple[str, str]]:
    if campaign_id is not None:
        view = store.campaigns.get(campaign_id)
        return [] if view is None or view.problem is None else [(view.id, view.problem)]
    found: list[tuple[str, str]] = []
    after = ""
    while True:
        page = store.open_campaigns.page(after, PAGE)
        found += [(one.id, one.problem) for one in page if one.problem is not None]
        if len(page) < PAGE:
            return found
        after = page[-1].id


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
