"""The embedded stack on the machine of a user of Temporal Cloud, and with a plugin of the SDK."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory

from tests.encrypting import EncryptingPlugin
from tests.running import stack

pytestmark = pytest.mark.stack
NAME = "Reminders of the clinic"
PROFILE = """
[profile.default]
address = "clinic.a1b2c.tmprl.example:7233"
namespace = "clinic.a1b2c"
api_key = "a key of another cluster"
"""


async def history(address: str, campaign_id: str, *plugins: EncryptingPlugin) -> WorkflowHistory:
    client = await Client.connect(address, plugins=plugins)
    return await client.get_workflow_handle(f"campaign:{campaign_id}").fetch_history()


async def test_another_clusters_profile_is_left_alone_and_a_codec_encrypts_histories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "temporal.toml"
    profile.write_text(PROFILE)
    variables = {
        "TEMPORAL_CONFIG_FILE": str(profile),
        "TEMPORAL_NAMESPACE": "clinic.a1b2c",
        "GODWIT_TEMPORAL_PLUGIN": "tests.encrypting:EncryptingPlugin",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    body = {"name": NAME, "text": "We open at nine", "recipients": [{"to": "+14155551234"}]}
    with stack(tmp_path / "data") as running:
        created = running.api.post("/v1/campaigns", json=body)
        assert created.status_code == 201, created.text
        campaign_id = created.json()["id"]
        assert running.wait_for_end(campaign_id)["counts"]["delivered"] == 1
        # This command asks the workflow, so it has to reach the stack's Temporal server.
        at = [(datetime.now(UTC) + timedelta(days=days)).isoformat() for days in (3, 5)]
        later = running.api.post("/v1/campaigns", json={**body, "scheduleDateTime": at[0]})
        assert later.status_code == 201, later.text
        moved = running.command("reschedule", later.json()["id"], at[1])
        assert moved.returncode == 0, moved.stdout + moved.stderr
        stored = await history(running.description["temporal"], campaign_id)
        assert NAME.encode() not in b"".join(event.SerializeToString() for event in stored.events)
