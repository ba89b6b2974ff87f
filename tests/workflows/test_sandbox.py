"""The sandbox watches every module of the workflows: what would not replay is refused there."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.test_layout import ROOT
from tests.test_replay import HISTORIES, WORKFLOWS, history_of, read
from worker import make_runner

MODULES = sorted(
    path.stem
    for path in (ROOT / "workflows").glob("*.py")
    if "def " in path.read_text("utf-8") or "class " in path.read_text("utf-8")
)
# Between them these run something of every module.
TALES = ("spread_paused_resumed", "cancelled", "continued-last", "webhook_delivery")


def spoil(module: Path, call: str) -> None:
    """Put a call that would not replay at the beginning of every function of a module."""
    tree = ast.parse(module.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body[0:0] = ast.parse(f"import random, time; {call}").body
    module.write_text(ast.unparse(tree), "utf-8")


async def replay_all() -> list[str]:
    """Replay in the sandbox; what each tale failed with."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=make_runner(sandboxed=True),
    )
    failures = []
    for file in HISTORIES:
        if file.name.startswith(("0.3", "0.4")) and any(tale in file.name for tale in TALES):
            result = await replayer.replay_workflow(
                history_of(read(file)), raise_on_replay_failure=False
            )
            if result.replay_failure is not None:
                failures.append(str(result.replay_failure))
    return failures


async def test_the_workflows_as_they_are_replay_in_the_sandbox() -> None:
    assert await replay_all() == []


@pytest.mark.parametrize("call", ["time.time()", "random.random()"])
@pytest.mark.parametrize("module", MODULES)
async def test_a_call_that_would_not_replay_is_refused_in_every_module(
    module: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    spoil(tmp_path / "workflows" / f"{module}.py", call)
    monkeypatch.syspath_prepend(tmp_path)
    failures = await replay_all()
    assert any(
        "RestrictedWorkflowAccess" in failure or "restricted" in failure.lower()
        for failure in failures
    ), failures


EVICT = """
import asyncio, time
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from tests.test_replay import history_until_paused
from workflows.campaign import CampaignWorkflow

async def main():
    CampaignWorkflow._show = lambda self: None
    replayer = Replayer(workflows=[CampaignWorkflow], data_converter=pydantic_data_converter)
    began = time.monotonic()
    await replayer.replay_workflow(history_until_paused(), raise_on_replay_failure=False)
    print(time.monotonic() - began)

asyncio.run(main())
"""


def test_a_paused_campaign_with_nothing_to_show_is_evicted() -> None:
    result = subprocess.run(
        [sys.executable, "-c", EVICT], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "eviction" not in result.stderr.lower()
    # A workflow that can't be evicted is retried without end; two seconds are Core's patience.
    assert float(result.stdout.split()[-1]) < 20
