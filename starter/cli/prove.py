"""``godwit prove``: the promise, tried on an installation of one's own."""

import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from starter.cli.api_access import open_api
from starter.cli.context import CommandError, data_directory
from starter.cli.environment import running_stack
from starter.proof.faults import kill_a_part, run_hook
from starter.proof.load import CannotProve, Effort
from starter.proof.prove import Installation, prove

ANSWER_SECONDS = 30.0
STOP_SECONDS = 60.0


def prove_promise(
    messages: Annotated[
        int, typer.Option(min=10, max=1_000_000, help="How many messages are sent.")
    ] = 5_000,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=10_000, help="Over how long they are sent.")
    ] = 1.0,
    hook: Annotated[
        str, typer.Option(help="Shell command that breaks something, run every few seconds.")
    ] = "",
    every: Annotated[float, typer.Option(min=1, help="Seconds between two faults.")] = 5.0,
    carrier: Annotated[
        str, typer.Option(help="Address of the carrier that the installation sends to.")
    ] = "",
    seed: Annotated[int | None, typer.Option(help="The same seed sends the same load.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="File for the report: Markdown, or JSON with .json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove that nothing is lost or doubled while parts of an installation break.

    Sends campaigns through a carrier that keeps a log of its own, breaks something
    every few seconds, waits for the end, and compares: messages lost, doubled and
    miscounted, credits that drift or leak. Exits 1 if any of them is not zero.

    Without GODWIT_API and without a running stack it starts a temporary stack and kills
    its workers, API and Temporal. Otherwise only --hook breaks something. Another
    installation needs --carrier; docs/proof.md says which it may be.

    Example: godwit prove --messages 20000 --minutes 5 --hook 'kubectl delete pod -l app=worker'
    """
    number = secrets.randbelow(1_000_000) if seed is None else seed
    effort = Effort(messages, 60 * minutes, every, number, hook)

    def say(line: str) -> None:
        """Show progress where it is not read as a result."""
        if not as_json:
            typer.echo(line, err=True)

    with _installation(carrier, say_start=not as_json) as (installation, data):
        fault = partial(run_hook, hook) if hook else None
        if data is not None and not hook:
            fault = partial(kill_a_part, data, random.Random(number))
        try:
            outcome = prove(installation, effort, fault, say)
        except CannotProve as error:
            raise CommandError(str(error)) from None
    if report is not None:
        text = json.dumps(outcome.as_json(), indent=2) + "\n"
        report.write_text(text if report.suffix == ".json" else outcome.as_markdown(), "utf-8")
    typer.echo(json.dumps(outcome.as_json(), indent=2) if as_json else outcome.as_markdown())
    if not outcome.verdict.holds:
        raise typer.Exit(1)


@contextmanager
def _installation(carrier: str, say_start: bool) -> Iterator[tuple[Installation, Path | None]]:
    """The installation of the variables, the running stack, or a temporary one with its data."""
    stack = None
    if not os.environ.get("GODWIT_API"):
        try:
            stack = running_stack(data_directory())
        except CommandError:
            with _temporary_stack(say_start) as (data, described):
                with _opened(described, "a temporary stack", data) as installation:
                    yield installation, data
            return
    if stack is not None and not carrier:
        carrier = stack["carrier"]
    if not carrier:
        raise CommandError("with GODWIT_API, --carrier names the carrier whose log is compared")
    with open_api() as api, _carrier(carrier) as log:
        name = "the running stack" if stack is not None else str(api.base_url.host)
        yield Installation(name, api, log), None


@contextmanager
def _temporary_stack(say_start: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A stack of its own on free ports, stopped and removed in the end."""
    if say_start:
        typer.echo("Starting a temporary stack ...", err=True)
    with tempfile.TemporaryDirectory(prefix="godwit-prove-") as directory:
        data = Path(directory)
        ports = "--port 0 --temporal-port 0 --ui-port 0".split()
        process = subprocess.Popen(
            [sys.executable, "-m", "starter", "up", "--json", "--data", directory, *ports],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise CommandError("the temporary stack did not start; try 'godwit up'")
            yield data, json.loads(line)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
            process.stdout.close()


@contextmanager
def _opened(stack: dict[str, Any], name: str, data: Path) -> Iterator[Installation]:
    with open_api(data) as api, _carrier(stack["carrier"]) as log:
        yield Installation(name, api, log)


def _carrier(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=ANSWER_SECONDS, trust_env=False)
