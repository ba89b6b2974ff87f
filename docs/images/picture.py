"""Draw docs/images/campaign.svg: a campaign while it runs, as Godwit and Temporal show it.

Run it with ``make picture``. It starts an embedded stack of its own, sends a campaign over HTTP,
pauses and resumes it, and records what ``godwit status`` prints in the middle of the run together
with the workflow's history. Nothing in the picture is invented; ids and times differ in each run.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from campaign.settings import Settings
from starter.cli.campaigns import progress_table
from starter.embedded.demo import recipients
from starter.embedded.stack import Stack, StackOptions
from store.store import open_store

TARGET = Path(__file__).with_name("campaign.svg")
NAME = "Order updates"
SPREAD_HOURS = 0.03
# The share of messages that have left when the campaign is paused, and when it is drawn.
PAUSE_AT, DRAW_AT = 0.2, 0.6
PAUSE_SECONDS = 3.0
WIDTH = 92
EVENTS_MAX = 22
SECONDS_MAX = 240.0


async def main(target: Path) -> None:
    """Run a campaign and write the picture of it to a file."""
    with tempfile.TemporaryDirectory(prefix="godwit-picture-") as directory:
        stack = Stack(StackOptions(Path(directory), port=0, temporal_port=0, ui_port=0))
        try:
            await stack.start()
            async with asyncio.timeout(SECONDS_MAX):
                picture = await draw(stack.description)
        finally:
            await stack.stop()
    target.write_text(picture, "utf-8")
    sys.stdout.write(f"wrote {target}\n")


async def draw(stack: dict[str, Any]) -> str:
    """Send a campaign, wait until it is under way, and return the picture as SVG."""
    account = stack["account"]
    auth = httpx.BasicAuth(account["keyId"], account["keySecret"])
    people = [
        {"text" if name == "body" else name: value for name, value in person.items()}
        for person in recipients()
    ]
    # Numbers that mean something to the pretend carrier come last; mix them in.
    people = [person for start in range(7) for person in people[start::7]]
    body = {"name": NAME, "spreadHours": SPREAD_HOURS, "text": "Hello", "recipients": people}
    async with httpx.AsyncClient(
        base_url=stack["api"], auth=auth, timeout=30, trust_env=False
    ) as api:
        answer = await api.post("/v1/campaigns", json=body)
        answer.raise_for_status()
        path = f"/v1/campaigns/{answer.json()['id']}"
        await until_sent(api, path, PAUSE_AT)
        (await api.post(f"{path}/pause")).raise_for_status()
        await asyncio.sleep(PAUSE_SECONDS)
        (await api.post(f"{path}/resume")).raise_for_status()
        await until_sent(api, path, DRAW_AT)
    return await render(stack, answer.json()["id"])


async def until_sent(api: httpx.AsyncClient, path: str, share: float) -> None:
    """Wait until this share of a campaign's messages has left."""
    while True:
        counts = (await api.get(path)).json()["counts"]
        waiting = counts["queued"] + counts["sending"] + counts["retryable"]
        if 1 - waiting / counts["total"] >= share:
            return
        await asyncio.sleep(0.2)


async def render(stack: dict[str, Any], campaign_id: str) -> str:
    """Draw the campaign as it stands: its status, and the history of its workflow."""
    console = Console(record=True, width=WIDTH, file=tempfile.TemporaryFile("w"), markup=False)
    store = open_store(Settings(database_url=stack["database"]))
    try:
        view = store.campaigns.get(campaign_id)
    finally:
        store.close()
    assert view is not None
    console.print(f"$ godwit status {campaign_id}", style="bold green", highlight=False)
    console.print(progress_table(view))
    console.print("\nTemporal: events of the workflow campaign:<id>", style="bold green")
    client = await Client.connect(stack["temporal"])
    history = await client.get_workflow_handle(f"campaign:{campaign_id}").fetch_history()
    table = Table(box=None, pad_edge=False)
    for column in ("time", "event", "name", "summary"):
        table.add_column(column, no_wrap=True)
    lines = [line for event in history.events if (line := described(event)) is not None]
    for line in lines[-EVENTS_MAX:]:
        table.add_row(*line)
    console.print(table)
    return svg_of(console, f"{NAME}: a campaign while it runs")


def svg_of(console: Console, title: str) -> str:
    """What a console has recorded as SVG, without the fonts that it would fetch from elsewhere."""
    svg = console.export_svg(title=title)
    # Each browser has a monospace font.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)


def described(event: HistoryEvent) -> tuple[str, str, str, str] | None:
    """An event as time, kind, name and summary; None for the protocol's own steps."""
    at = event.event_time.ToDatetime().strftime("%H:%M:%S")
    summary = event.user_metadata.summary.data.decode().strip('"')
    match event.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            name = event.workflow_execution_started_event_attributes.workflow_type.name
            return at, "workflow started", name, summary
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            return at, "activity", name, summary
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            found = re.search(rb'"activity_type":"(\w+)"', marker.details["data"].payloads[0].data)
            return at, "local activity", found[1].decode() if found else "", summary
        case EventType.EVENT_TYPE_TIMER_STARTED:
            return at, "timer", "", summary
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            name = event.workflow_execution_signaled_event_attributes.signal_name
            return at, "signal", name, summary
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            attributes = event.workflow_execution_update_accepted_event_attributes
            return at, "update", attributes.accepted_request.input.name, summary
        case _:
            return None


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
