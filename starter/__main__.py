"""``godwit``: the command line."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from starter.cli import administration, audit, campaigns, carriers, environment, messages, send
from starter.cli import number_pool as pool
from starter.cli.context import (
    CommandError,
    LogFormat,
    choose_log_format,
    data_directory,
    find_settings,
)
from store.database.engine import StoreError
from telemetry.logs import configure

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Durable SMS and MMS campaigns on Temporal.",
    epilog="Start with 'godwit up'; then, in another terminal, 'godwit send FILE --wait'.",
)
database_app = typer.Typer(no_args_is_help=True, help="Manage the database schema.")
administration.sender_app.add_typer(pool.pool_app, name="pool")
# Where the help lists a command; panels and commands stand in the order of their registration.
LOCAL, CAMPAIGNS = "On one machine", "Campaigns"
PROOF, ADMINISTRATION = "Messages and proof", "Administration and production"


LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        callback=choose_log_format,
        help="Format of log lines on stderr; default: JSON unless stderr is a terminal.",
    ),
]


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        typer.echo(f"godwit {version('godwit')}")
    except PackageNotFoundError:
        raise CommandError(
            "the package godwit is not installed, so its version is unknown"
        ) from None
    raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    log_format: LogFormatOption = None,
) -> None:
    """Take the options that need no command."""


def up(
    host: Annotated[
        str,
        typer.Option(help="Address that the API listens on; the rest stays local."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the API; 0: any free one.")] = 8080,
    temporal_port: Annotated[
        int, typer.Option(help="Port of Temporal's server; 0: any free one.")
    ] = 7233,
    ui_port: Annotated[
        int, typer.Option(help="Port of Temporal's Web UI; 0: any free one.")
    ] = 8233,
    carrier_port: Annotated[
        int, typer.Option(help="Port of the pretend carrier; 0: any free one.")
    ] = 0,
    data: Annotated[
        Path | None, typer.Option(help="Data directory; default: $GODWIT_DATA or .godwit.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 1,
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
        workers=workers,
        carrier=carrier,
    )

    def ready(description: dict[str, object]) -> None:
        if as_json:
            typer.echo(json.dumps(description))
        else:
            welcome(description, options.data)

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

    uvloop.run(serve(find_settings()))


def worker(log_format: LogFormatOption = None) -> None:
    """Run one worker process, for production."""
    # The composition root is above this package; the command only starts it.
    os.execv(sys.executable, [sys.executable, "-m", "worker"])


@database_app.command("upgrade")
def upgrade_database() -> None:
    """Upgrade the database to the current schema; create it if there is none.

    Does nothing if the schema is current.
    """
    from store.database.migrate import upgrade
    from store.store import open_store

    store = open_store(find_settings())
    try:
        upgrade(store.database)
    finally:
        store.close()
    typer.echo("the database schema is current")


def _register() -> None:
    panels: dict[str, dict[str, Callable[..., None]]] = {
        LOCAL: {"up": up, "env": environment.env, "demo": demo},
        CAMPAIGNS: {
            "send": send.send,
            "list": campaigns.list_campaigns,
            "status": campaigns.status,
            "watch": campaigns.watch,
            "pause": campaigns.pause,
            "resume": campaigns.resume,
            "reschedule": campaigns.reschedule,
            "cancel": campaigns.cancel,
            "retry": campaigns.retry,
            "report": campaigns.report,
        },
        PROOF: {"why": messages.why, "resolve": messages.resolve, "audit": audit.audit_store},
        ADMINISTRATION: {"api": api, "worker": worker},
    }
    for panel, commands in panels.items():
        for name, command in commands.items():
            app.command(name, rich_help_panel=panel)(command)
    for name, group in {
        "account": administration.account_app,
        "key": administration.key_app,
        "sender": administration.sender_app,
        "carrier": carriers.carrier_app,
        "db": database_app,
    }.items():
        app.add_typer(group, name=name, rich_help_panel=ADMINISTRATION)


_register()


def main() -> None:
    """Run the command line as a process, and leave without Python's own farewell.

    A thread of Temporal's client may still be on its way back from its last call,
    and Python aborts (exit 134) when it meets one while it tears itself down.
    """
    configure()
    code = run()
    with contextlib.suppress(OSError):  # Whoever read our output may be gone.
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run() -> int:
    """Run the command line; a fault of the user's is one line, not a traceback."""
    from pydantic import ValidationError
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    from campaign.failures import NoVerdict, ServiceUnavailable, StoreUnavailable
    from campaign.refusals import Refused
    from campaign.states import CAMPAIGN_ENDS
    from carriers import NotConfigured, UnknownCarrier
    from service.campaigns import StateConflict
    from telemetry.exceptions import code_of

    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Refused as refused:
        for refusal in refused.refusals:
            _fail(f"{refusal.place or 'campaign'}: {refusal.message} ({refusal.code})")
    except StateConflict as error:
        how = "ended" if error.status in CAMPAIGN_ENDS else "begun"
        _fail(error.reason or f"the campaign has {how}: {error}")
    except (CommandError, StoreError, OSError, UnicodeError) as error:
        _fail(str(error))
    except (UnknownCarrier, NotConfigured) as error:
        _fail(str(error))
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            _fail(f"the setting {name} is not valid: {fault['msg']}")
    except SQLAlchemyError as error:
        # PostgreSQL quotes rows, except where it could not be used at all.
        quotes = hasattr(getattr(error, "orig", None), "sqlstate")
        quotes = quotes and not isinstance(error, OperationalError)
        text = str(getattr(error, "orig", None) or error).partition("\n")[0]
        reason = f"{type(error).__name__} {code_of(error) or ''}".rstrip() if quotes else text
        _fail(f"cannot use the database: {reason}")
    except StoreUnavailable as error:
        _fail(f"the database does not answer ({error})")
    except NoVerdict as error:
        _fail(f"{error} (see 'godwit status')")
    except ServiceUnavailable as error:
        _fail(f"Temporal: {error}; are Temporal and a worker running? (TEMPORAL_ADDRESS)")
    return 1


def _fail(line: str) -> None:
    sys.stderr.write(f"godwit: {line}\n")


if __name__ == "__main__":
    main()
