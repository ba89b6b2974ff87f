"""``godwit``: the command line."""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from starter.cli import administration, audit, campaigns, carriers, messages
from starter.cli import number_pool as pool
from starter.cli.context import CommandError, data_directory, find_settings
from store.database.engine import StoreError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Durable SMS and MMS campaigns on Temporal.",
    epilog="Begin with: godwit up  (and in a second terminal: godwit list)",
)
app.add_typer(administration.account_app, name="account")
app.add_typer(administration.key_app, name="key")
app.add_typer(administration.sender_app, name="sender")
app.add_typer(carriers.carrier_app, name="carrier")
administration.sender_app.add_typer(pool.pool_app, name="pool")
database_app = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(database_app, name="db")
app.command("send")(campaigns.send)
app.command("list")(campaigns.list_campaigns)
app.command("status")(campaigns.status)
app.command("watch")(campaigns.watch)
app.command("pause")(campaigns.pause)
app.command("resume")(campaigns.resume)
app.command("reschedule")(campaigns.reschedule)
app.command("cancel")(campaigns.cancel)
app.command("retry")(campaigns.retry)
app.command("report")(campaigns.report)
app.command("why")(messages.why)
app.command("resolve")(messages.resolve)
app.command("audit")(audit.audit_books)


@app.command("up")
def up(
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Of the API; 0 takes any free port.")] = 8080,
    temporal_port: Annotated[int, typer.Option(help="0 takes any free port.")] = 7233,
    ui_port: Annotated[int, typer.Option(help="Of Temporal's Web UI; 0: any.")] = 8233,
    carrier_port: Annotated[int, typer.Option(help="Of the pretend carrier; 0: any.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Default: $GODWIT_DATA or .godwit")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    carrier: Annotated[str, typer.Option(help="Default: $GODWIT_CARRIER")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line when ready.")] = False,
) -> None:
    """Start everything on this machine and stay; Ctrl-C stops it, and up again carries on."""
    from starter.cli.welcome import welcome
    from starter.embedded.stack import StackError, StackOptions, run_stack

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
            welcome(description)

    try:
        asyncio.run(run_stack(options, ready))
    except StackError as error:
        raise CommandError(str(error)) from None


@app.command("demo")
def demo() -> None:
    """Run an example campaign on a stack of its own, show it, and stop everything."""
    from starter.embedded.demo import DemoFailed, run_demo
    from starter.embedded.stack import StackError

    try:
        asyncio.run(run_demo())
    except (DemoFailed, StackError) as error:
        raise CommandError(str(error)) from None


@app.command("api")
def api() -> None:
    """Serve the HTTP API (one process; for production)."""
    import uvloop

    from starter.api.app import serve

    uvloop.run(serve(find_settings()))


@app.command("worker")
def worker() -> None:
    """Run a worker (one process; for production)."""
    # The composition root is above this package; the command only starts it.
    os.execv(sys.executable, [sys.executable, "-m", "worker"])


@database_app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to the present schema; run again, it does nothing."""
    from store.database.migrate import upgrade
    from store.store import open_store

    store = open_store(find_settings())
    try:
        upgrade(store.database)
    finally:
        store.close()
    typer.echo("the database has the present schema")


def main() -> None:
    """Run the command line as a process, and leave without Python's own farewell.

    A thread of Temporal's client may still be on its way back from its last call, and Python
    aborts (exit 134) when it meets one while it tears itself down.
    """
    code = run()
    with contextlib.suppress(OSError):  # Whoever read our output may be gone.
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run() -> int:
    """Run the command line; a fault of the user's is one line, not a traceback."""
    from pydantic import ValidationError
    from sqlalchemy.exc import SQLAlchemyError

    from campaign.failures import ServiceUnavailable, StoreUnavailable
    from campaign.refusals import Refused
    from campaign.states import CAMPAIGN_ENDS
    from carriers import NotConfigured, UnknownCarrier
    from service.campaigns import StateConflict

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
            _fail(f"the setting {name} cannot be used: {fault['msg']}")
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        _fail(f"the database cannot be used: {reason}")
    except StoreUnavailable as error:
        _fail(f"the database does not answer ({error})")
    except ServiceUnavailable as error:
        _fail(f"Temporal: {error}; is it running? (TEMPORAL_ADDRESS)")
    return 1


def _fail(line: str) -> None:
    sys.stderr.write(f"godwit: {line}\n")


if __name__ == "__main__":
    main()
