"""``godwit up``, ``demo``, ``api``, ``worker`` and ``db``: the parts, and the stack of them."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from starter.cli.context import (
    CommandError,
    LogFormat,
    choose_log_format,
    data_directory,
    find_settings,
    opened_store,
)
from starter.cli.output import Json, answer

database_app = typer.Typer(no_args_is_help=True, help="Manage the database schema.")
PORT_MAX = 65_535
# The default number of workers goes up to this one.
WORKERS_MAX = 4

LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        callback=choose_log_format,
        help="Format of log lines on stderr; default: JSON unless stderr is a terminal.",
    ),
]


def up(
    host: Annotated[
        str,
        typer.Option(help="Address that the API listens on; the rest stays local."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=PORT_MAX, help="Port of the API; 0: any free one.")
    ] = 8080,
    temporal_port: Annotated[
        int,
        typer.Option(min=0, max=PORT_MAX, help="Port of Temporal's server; 0: any free one."),
    ] = 7233,
    ui_port: Annotated[
        int,
        typer.Option(min=0, max=PORT_MAX, help="Port of Temporal's Web UI; 0: any free one."),
    ] = 8233,
    carrier_port: Annotated[
        int,
        typer.Option(min=0, max=PORT_MAX, help="Port of the pretend carrier; 0: any free one."),
    ] = 0,
    data: Annotated[
        Path | None, typer.Option(help="Data directory; default: $GODWIT_DATA or .godwit.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of worker processes; default: one per core, at most 4."),
    ] = None,
    carrier: Annotated[
        str, typer.Option(help="Carrier to send through; default: $GODWIT_CARRIER.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready.")
    ] = False,
    log_format: LogFormatOption = None,
) -> None:
    """Start the embedded stack and keep it running until Ctrl-C.

    The stack is Temporal with its Web UI, SQLite, the pretend carrier, the API
    and workers. Run again on the same data directory, campaigns continue where
    they stopped.
    """
    from starter.cli.welcome import welcome
    from starter.embedded.options import StackError, StackOptions
    from starter.embedded.stack import run_stack

    options = StackOptions(
        data=data or data_directory(),
        host=host,
        port=port,
        temporal_port=temporal_port,
        ui_port=ui_port,
        carrier_port=carrier_port,
        workers=workers or min(os.cpu_count() or 1, WORKERS_MAX),
        carrier=carrier,
    )

    def ready(description: dict[str, object], console_link: str) -> None:
        if as_json:
            typer.echo(json.dumps(description))
        else:
            welcome(description, options.data, console_link)

    if not as_json:
        typer.echo("Starting Temporal, the carrier, the API and the workers ...", err=True)
    try:
        asyncio.run(run_stack(options, ready))
    except StackError as error:
        raise CommandError(str(error)) from None
    if not as_json:
        typer.echo("Everything is stopped.", err=True)


def demo() -> None:
    """Run an example campaign on a temporary stack and print its result."""
    from starter.embedded.demo import DemoFailed, run_demo
    from starter.embedded.options import StackError

    try:
        asyncio.run(run_demo())
    except (DemoFailed, StackError) as error:
        raise CommandError(str(error)) from None


def api(log_format: LogFormatOption = None) -> None:
    """Run the HTTP API as one process, for production."""
    import uvloop

    from starter.api.app import serve
    from starter.embedded.options import StackError, check_port
    from starter.embedded.private_files import keep_private
    from telemetry.tracing_setup import tracing

    settings = find_settings()
    try:
        check_port(settings.api_host, settings.api_port, "set GODWIT_API_PORT to another one")
    except StackError as error:
        raise CommandError(str(error)) from None
    keep_private(data_directory())
    with tracing("godwit-api"):
        uvloop.run(serve(settings))


def worker(log_format: LogFormatOption = None) -> None:
    """Run one worker process, for production."""
    from starter.embedded.private_files import keep_private

    keep_private(data_directory())
    # The composition root is above this package; the command only starts it.
    os.execv(sys.executable, [sys.executable, "-m", "worker"])


@database_app.command("upgrade")
def upgrade_database(as_json: Json = False) -> None:
    """Upgrade the database to the current schema; create it if there is none.

    Does nothing if the schema is current.
    """
    from starter.embedded.private_files import keep_private
    from store.database.migrate import upgrade
    from store.store import open_store

    keep_private(data_directory())
    store = open_store(find_settings())
    try:
        upgrade(store.database)
    finally:
        store.close()
    answer({"schema": "current"}, "the database schema is current", as_json)


@database_app.command("restored")
def mark_restored_database(as_json: Json = False) -> None:
    """Say that the database is a restored copy; run it before the workers start.

    What was sent and ordered after the copy was made is unknown to it. Messages
    of its campaigns are therefore looked up at carriers that can be asked,
    before they are sent, and open campaigns go on as the copy has them. A
    second run changes nothing more.
    """
    from store.campaigns.restores import mark_restored

    with opened_store() as store:
        marked = mark_restored(store.database, store.clock.now())
    text = f"campaigns whose messages are looked up before they are sent: {marked}"
    answer({"campaigns": marked}, text, as_json)
