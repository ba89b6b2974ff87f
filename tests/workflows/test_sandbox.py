"""The sandbox watches every module of the workflows: what would not replay is refused there."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.test_layout import ROOT

MODULES = sorted(
    path.stem
    for path in (ROOT / "workflows").glob("*.py")
    if "def " in path.read_text("utf-8") or "class " in path.read_text("utf-8")
)
# The history that runs something of a module; of all others the cancelled campaign does.
TALES = {
    "plan_changes": "0.4-spread_paused_resumed",
    "plan_updates": "0.5-changed",
    "receipts": "0.4-unspread",
    "webhook_delivery": "0.4-webhook_delivery",
}
Replay = Callable[[Path, str], str]
# What is imported is imported once; each replay has a process of its own all the same.
REPLAY = """
import asyncio, json, os, sys
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from tests.test_replay import HISTORIES, WORKFLOWS, history_of, read
from worker import make_runner

async def replay(tale):
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=make_runner(sandboxed=True),
    )
    (file,) = (file for file in HISTORIES if file.name == tale + ".json.gz")
    history = history_of(read(file))
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return str(result.replay_failure)

for line in sys.stdin:
    directory, tale = json.loads(line)
    if (child := os.fork()) == 0:
        # The sandbox imports the workflows anew, from the first place that has them.
        sys.path.insert(0, directory)
        print("failure:", json.dumps(asyncio.run(replay(tale))), flush=True)
        # A thread of Temporal's core may still run: it aborts an interpreter being torn down.
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("a replay broke off")
"""


def spoil(module: Path, call: str) -> None:
    """Put a call that would not replay at the beginning of every function of a module."""
    tree = ast.parse(module.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body[0:0] = ast.parse(f"import random, time; {call}").body
    module.write_text(ast.unparse(tree), "utf-8")


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    """Replay a history in the sandbox with the workflows of a directory; how it failed."""
    command = [sys.executable, "-W", "ignore", "-c", REPLAY]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        asked, answers = process.stdin, process.stdout

        def ask(workflows: Path, tale: str) -> str:
            print(json.dumps([str(workflows), tale]), file=asked, flush=True)
            # Temporal's core writes its warnings there too.
            answer = next(line for line in answers if line.startswith("failure: "))
            return str(json.loads(answer.removeprefix("failure: ")))

        yield ask


def test_the_workflows_as_they_are_replay_in_the_sandbox(replay: Replay) -> None:
    for tale in ("0.4-cancelled", *TALES.values()):
        assert replay(ROOT, tale) == "None"


@pytest.mark.parametrize("call", ["time.time()", "random.random()"])
@pytest.mark.parametrize("module", MODULES)
def test_a_call_that_would_not_replay_is_refused_in_every_module(
    module: str, call: str, replay: Replay, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    spoil(tmp_path / "workflows" / f"{module}.py", call)
    failure = replay(tmp_path, TALES.get(module, "0.4-cancelled"))
    assert "Cannot access" in failure or "RestrictedWorkflowAccess" in failure, failure


EVICT = """
import asyncio, os, time
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from tests.test_replay import history_until_paused
from worker import make_runner
from workflows.campaign import CampaignWorkflow

async def main():
    CampaignWorkflow._show = lambda self: None
    replayer = Replayer(
        workflows=[CampaignWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=make_runner(sandboxed=True),
    )
    began = time.monotonic()
    await replayer.replay_workflow(history_until_paused(), raise_on_replay_failure=False)
    print(time.monotonic() - began, flush=True)

asyncio.run(main())
os._exit(0)
"""


def test_a_paused_campaign_with_nothing_to_show_is_evicted() -> None:
    result = subprocess.run(
        [sys.executable, "-c", EVICT], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "eviction" not in result.stderr.lower()
    # A workflow that can't be evicted is retried without end; two seconds are Core's patience.
    assert float(result.stdout.split()[-1]) < 20
