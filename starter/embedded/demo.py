"""``godwit demo``: a whole campaign on a stack of its own, shown as it runs."""

import asyncio
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from campaign.ports import Tally
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS
from starter.embedded.options import StackOptions
from starter.embedded.stack import Stack
from store.campaigns.audit import audit
from store.store import open_store

RECIPIENTS = 200
SECONDS_MAX = 120.0
# One number of each kind that the pretend carrier treats in its own way.
MAGIC = {
    "0001": "refused permanently",
    "0002": "refused once with 503",
    "0003": "accepted and never answered",
    "0004": "accepted, then disconnected",
    "0005": "refused once with 429 and Retry-After 2",
    "0006": "answered after 3 s",
    "0007": "accepted and not delivered",
}

out = Console()


class DemoFailed(Exception):
    """The demo did not end as it must; the text says how."""


async def run_demo() -> None:
    """Start a stack, send a batch over HTTP, show it, check it, stop everything.

    Raises DemoFailed when the counts do not add up, the books are off, or it takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="godwit-demo-") as directory:
        options = StackOptions(Path(directory), port=0, temporal_port=0, ui_port=0)
        stack = Stack(options)
        out.print("Starting Temporal, the carrier, the API and a worker ...", style="dim")
        try:
            await stack.start()
            async with asyncio.timeout(SECONDS_MAX):
                await _campaign(stack.description)
        except TimeoutError:
            raise DemoFailed(f"the campaign did not end within {SECONDS_MAX:.0f} s") from None
        finally:
            out.print("Stopping everything ...", style="dim")
            await stack.stop()


async def _campaign(stack: dict[str, Any]) -> None:
    account = stack["account"]
    auth = httpx.BasicAuth(account["keyId"], account["keySecret"])
    async with httpx.AsyncClient(
        base_url=stack["api"], auth=auth, timeout=30, trust_env=False
    ) as api:
        before = (await api.get("/v1/credits")).json()
        batch = {"from": account["senders"][0], "recipients": recipients()}
        out.print(f"POST {stack['api']}/api/v1/messaging/batch  ({RECIPIENTS} recipients)")
        answer = await api.post("/api/v1/messaging/batch", json=batch)
        if answer.status_code != 201:
            raise DemoFailed(f"the batch was answered {answer.status_code}: {answer.text}")
        out.print(f"201 {answer.text}", highlight=False, soft_wrap=True)
        campaign_id = answer.json()["id"]
        page = f"{stack['ui']}/namespaces/default/workflows/campaign:{campaign_id}"
        out.print(f"Web UI: {page}", highlight=False, soft_wrap=True)
        campaign = await _follow(api, campaign_id)
        report = (await api.get(f"/v1/campaigns/{campaign_id}/report")).json()
        after = (await api.get("/v1/credits")).json()
        log = await _carrier_log(stack["carrier"])
    _tell(campaign, report, before, after)
    _check(stack, campaign, log)
    out.print(f"The Web UI showed it at {page}", highlight=False, soft_wrap=True)


def recipients() -> list[dict[str, str]]:
    """The demo's recipients: mostly ordinary, every tenth an MMS, one of each magic number."""
    people: list[dict[str, str]] = []
    for index in range(RECIPIENTS - len(MAGIC)):
        text = f"Hi {index}, your order #{1000 + index} has shipped!"
        person = {"to": f"+1415555{1000 + index}", "body": text}
        if index % 10 == 0:
            person["mediaUrl"] = "https://example.com/parcel.jpg"
        people.append(person)
    for digits, what in MAGIC.items():
        people.append({"to": f"+1416555{digits}", "body": f"This one is {what}."})
    return people


async def _follow(api: httpx.AsyncClient, campaign_id: str) -> dict[str, Any]:
    bar = Progress(
        TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )
    last = ""
    with bar:
        task = bar.add_task("draft", total=RECIPIENTS)
        while True:
            campaign: dict[str, Any] = (await api.get(f"/v1/campaigns/{campaign_id}")).json()
            counts = campaign["counts"]
            open_ones = sum(counts[name] for name in ("queued", "sending", "retryable"))
            status = campaign["status"]
            bar.update(task, completed=RECIPIENTS - open_ones, description=status)
            line = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
            if not out.is_terminal and line != last:
                out.print(f"  {status}: {line}", highlight=False)
                last = line
            if status in set(CAMPAIGN_ENDS):
                return campaign
            await asyncio.sleep(0.25)


async def _carrier_log(carrier: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False) as client:
        log: list[dict[str, Any]] = (await client.get(f"{carrier}/log?after=0")).json()
        return log


def _tell(
    campaign: dict[str, Any], report: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    out.print(f"\n[bold]{campaign['status']}[/bold]")
    for name, count in campaign["counts"].items():
        if count:
            out.print(f"  {name:12} {count:>5}", highlight=False)
    for reason in report["reasons"]:
        out.print(f"  because: {reason['count']} {reason['status']} ({reason['reason']})")
    for kind in ("sms", "mms"):
        spent = before[kind]["available"] - after[kind]["available"]
        out.print(
            f"  {kind} credits  before {before[kind]['available']:,}  "
            f"after {after[kind]['available']:,}  spent {spent:,}",
            highlight=False,
        )


def _check(stack: dict[str, Any], campaign: dict[str, Any], log: list[dict[str, Any]]) -> None:
    counts = campaign["counts"]
    states = [field.name for field in fields(Tally) if field.name != "total"]
    if sum(counts[state] for state in states) != counts["total"] or counts["total"] != RECIPIENTS:
        raise DemoFailed(f"the counts do not add up: {counts}")
    references = [row["reference"] for row in log]
    handed_off = counts["sent"] + counts["delivered"] + counts["undelivered"]
    if len(set(references)) != len(references):
        raise DemoFailed("the carrier accepted a message twice")
    if len(references) != handed_off:
        raise DemoFailed(
            f"the carrier accepted {len(references)} messages, and {handed_off} were counted"
        )
    store = open_store(Settings(database_url=stack["database"]))
    try:
        findings = audit(store.database).findings
    finally:
        store.close()
    if findings:
        raise DemoFailed(f"the books do not balance: {[asdict(finding) for finding in findings]}")
    out.print(
        f"  The counts add up, the carrier took {handed_off} messages and none twice, "
        "and the books are in balance."
    )
