"""A spread of 72 hours, played in moments: ``python -m bench.three_days DIRECTORY COUNT``.

It runs the workflow, a worker and the store for real, on Temporal's time-skipping server, and
prints what history the campaign left and how long after its ideal instant a message left, p99.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from bench.figures import percentile
from bench.work import SENDER, SPREAD_HOURS, number_of, text_of
from campaign.instants import HOUR, SECOND
from campaign.model import Draft, DraftRecipient
from campaign.schedule import ideal_instants
from campaign.settings import Settings
from service.campaign_workflows import workflow_id
from service.temporal import register_search_attributes
from store.database.migrate import upgrade
from store.store import open_store
from tests.conftest import Story, binary, finish, serve_carrier, tell


async def play(directory: Path, count: int) -> dict[str, float]:
    """Send one campaign over 72 hours, from its admission to its end."""
    async with serve_story(directory, 2 * count) as story:
        start = await story.now() + HOUR
        recipients = [DraftRecipient(to=number_of(n), text=text_of(n)) for n in range(count)]
        draft = Draft(
            account_id=story.account.id,
            dialect="native",
            recipients=recipients,
            scheduled_at=start,
            spread_hours=SPREAD_HOURS,
        )
        campaign = (await story.service.admit(draft)).campaign
        await finish(story, campaign.id)
        sent = story.sent_at(campaign.id)
        if len(sent) != count or len(story.carrier.log) != count:
            raise RuntimeError(f"sent {len(sent)}, taken {len(story.carrier.log)}, of {count}")
        ideals = ideal_instants(start, SPREAD_HOURS, count)
        late = [at - ideal for at, ideal in zip(sent, ideals, strict=True)]
        if min(late) < 0:
            raise RuntimeError(f"{sum(each < 0 for each in late)} messages left early")
        events = [
            event
            for run in await histories(story.client, workflow_id(campaign.id))
            for event in run
        ]
    return {
        "days_events": float(len(events)),
        "days_size": sum(event.ByteSize() for event in events) / 1_000,
        "days_p99": percentile(late, 99) / SECOND,
    }


@asynccontextmanager
async def serve_story(directory: Path, credits: int, skipping: bool = True) -> AsyncIterator[Story]:
    """A service, a worker and a carrier on a server whose time can leap, or on a real one."""
    settings = Settings(
        database_url=f"sqlite:///{directory / 'godwit.db'}",
        secret_key=SecretStr("a secret for the benchmark"),
        receipts_grace_seconds=0,
    )
    store = open_store(settings)
    upgrade(store.database)
    account = store.accounts.create("bench", 0, credits, credits, (SENDER,))[0]
    if skipping:
        environment = await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=binary("temporal-test-server"),
            data_converter=pydantic_data_converter,
        )
    else:
        environment = await WorkflowEnvironment.start_local(
            dev_server_existing_path=binary("temporal"),
            data_converter=pydantic_data_converter,
        )
    try:
        await register_search_attributes(environment.client)
        async with (
            serve_carrier() as served,
            tell(environment, settings, store, account, served) as story,
        ):
            yield story
    finally:
        await environment.shutdown()
        store.close()


async def histories(client: Client, campaign: str) -> list[list[HistoryEvent]]:
    """The events of each run of a campaign, the last run first."""
    runs: list[list[HistoryEvent]] = []
    run_id: str | None = None
    while run_id != "":
        handle = client.get_workflow_handle(campaign, run_id=run_id)
        run = list((await handle.fetch_history()).events)
        runs.append(run)
        assert run[0].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
        run_id = run[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return runs


def main() -> None:
    """Play, and print the values."""
    directory, count = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(play(Path(directory), int(count)))) + "\n")


if __name__ == "__main__":
    main()
