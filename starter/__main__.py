"""``godwit``: the command line."""

import contextlib
import os
import sys
from typing import Annotated

import typer

from starter.cli.context import CommandError, LogFormat, choose_log_format
from starter.cli.lazy import LazyCommand, lazy_group

# Where the help lists a command; panels and commands stand in this order.
LOCAL, CAMPAIGNS = "On one machine", "Campaigns"
PROOF, DEVELOPMENT = "Messages and proof", "Webhooks"
ADMINISTRATION = "Administration and production"
# The first line of each command's own help, so that the list loads none of them.
COMMANDS = {
    LOCAL: (
        ("up", "processes:up", "Start the embedded stack and keep it running until Ctrl-C."),
        (
            "env",
            "environment:env",
            "Print the running stack's address and credentials for a shell.",
        ),
        (
            "demo",
            "processes:demo",
            "Run an example campaign on a temporary stack and print its result.",
        ),
    ),
    CAMPAIGNS: (
        ("send", "send:send", "Send a campaign from a JSON, CSV or XLSX file."),
        ("list", "campaigns:list_campaigns", "List campaigns, newest first."),
        (
            "status",
            "campaigns:status",
            "Show a campaign's status, its messages by state and the count of replies.",
        ),
        ("watch", "campaigns:watch", "Show a campaign's progress until it ends."),
        ("pause", "campaigns:pause", "Pause a campaign; sends stop within two seconds."),
        (
            "resume",
            "campaigns:resume",
            "Resume a paused campaign; its remaining messages move by the length of the pause.",
        ),
        (
            "reschedule",
            "campaigns:reschedule",
            "Change the start or the spread of a campaign that has not begun to send.",
        ),
        (
            "cancel",
            "campaigns:cancel",
            "Cancel a campaign and return the credits of its unsent messages.",
        ),
        ("retry", "campaigns:retry", "Send failed messages of an ended campaign again."),
        (
            "report",
            "campaigns:report",
            "Report a campaign's counts, reasons, credits and times, as JSON or CSV.",
        ),
        (
            "stop",
            "brake:stop",
            "Stop all sending of an account, or with --all everything, until 'godwit start'.",
        ),
        (
            "start",
            "brake:start",
            "End a stop; the campaigns that it held go on, moved by its length.",
        ),
    ),
    PROOF: (
        (
            "find",
            "messages:find",
            "Find the messages to a number in all campaigns, newest first.",
        ),
        (
            "why",
            "messages:why",
            "Explain the state of one recipient's message, attempt by attempt.",
        ),
        (
            "resolve",
            "messages:resolve",
            "Record the outcome of a message in state unknown.",
        ),
        (
            "activity",
            "activity:activity",
            "List who did what, when and from where, newest first.",
        ),
        (
            "audit",
            "audit:audit_store",
            "Check that messages, credits and keys agree, and that a workflow runs each open "
            "campaign.",
        ),
        (
            "prove",
            "prove:prove_promise",
            "Prove that nothing is lost or doubled while parts of an installation break.",
        ),
    ),
    DEVELOPMENT: (
        (
            "listen",
            "listen:listen",
            "Show events as they happen and forward them, signed, to a local address.",
        ),
        (
            "webhook",
            "webhooks:webhook_app",
            "Manage webhooks, with the key of the running stack or of GODWIT_API and "
            "GODWIT_BEARER.",
        ),
    ),
    ADMINISTRATION: (
        ("api", "processes:api", "Run the HTTP API as one process, for production."),
        ("worker", "processes:worker", "Run one worker process, for production."),
        (
            "account",
            "administration:account_app",
            "Manage accounts, their credits and switches.",
        ),
        ("key", "keys:key_app", "Manage API keys."),
        (
            "sender",
            "administration:sender_app",
            "Manage the numbers and names to send from.",
        ),
        ("carrier", "carriers:carrier_app", "List carriers and set their rates."),
        ("db", "processes:database_app", "Manage the database schema."),
    ),
}
# What needs neither the store nor a log.
LIGHT = {"--help", "--version", "--install-completion", "--show-completion"}

app = typer.Typer(
    cls=lazy_group(
        [
            LazyCommand(name, f"starter.cli.{target}", help, panel)
            for panel, commands in COMMANDS.items()
            for name, target, help in commands
        ]
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Durable SMS and MMS campaigns on Temporal.",
    epilog="Start with 'godwit up'; then, in another terminal, 'godwit send FILE --wait'.",
)


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
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            "--log-format",
            callback=choose_log_format,
            help="Format of log lines on stderr; default: JSON unless stderr is a terminal.",
        ),
    ] = None,
) -> None:
    """Take the options that need no command."""


def main() -> None:
    """Run the command line as a process, and leave without Python's own farewell.

    A thread of Temporal's client may still be on its way back from its last call,
    and Python aborts (exit 134) when it meets one while it tears itself down.
    """
    # What a command writes is for its owner: people's numbers and texts, and keys.
    os.umask(0o077)
    if len(sys.argv) > 1 and not LIGHT.intersection(sys.argv):
        from telemetry.logs import configure

        configure()
    code = run()
    with contextlib.suppress(OSError):  # The reader of our output may be gone.
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run() -> int:
    """Run the command line; a fault of the user's is one line, not a traceback.

    Returns the exit code: 0 done, 1 refused or not possible, 2 a usage error, 3 a campaign that
    ended with failures, 130 interrupted.
    """
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        return 1  # Nobody reads our output any more.
    except CommandError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        _fail(*_faults(error))
    return 1


def _faults(error: Exception) -> list[str]:
    """Say an error of the user's or of the surroundings in lines; raises any other one again."""
    from pydantic import ValidationError
    from sqlalchemy.exc import SQLAlchemyError

    from campaign.failures import NoVerdict, ServiceUnavailable, StoreUnavailable
    from campaign.refusals import Refused
    from campaign.states import CAMPAIGN_ENDS
    from carriers import NotConfigured, UnknownCarrier
    from service.campaigns import StateConflict
    from service.temporal import InvalidTemporalSettings
    from store.database.engine import StoreError

    match error:
        case Refused():
            return [
                f"{refusal.place or 'campaign'}: {refusal.message} ({refusal.code})"
                for refusal in error.refusals
            ]
        case StateConflict():
            how = "ended" if error.status in CAMPAIGN_ENDS else "begun"
            return [error.reason or f"the campaign has {how}: {error}"]
        case StoreError() | OSError() | UnicodeError():
            return [str(error)]
        case UnknownCarrier() | NotConfigured() | InvalidTemporalSettings():
            return [str(error)]
        case ValidationError():
            return [
                f"the setting {'_'.join(str(part) for part in fault['loc']).upper()} is not valid: "
                f"{fault['msg']}"
                for fault in error.errors(include_input=False)
            ]
        case SQLAlchemyError():
            return [f"cannot use the database: {_reason(error)}"]
        case StoreUnavailable():
            return [f"the database does not answer ({error})"]
        case NoVerdict():
            return [f"{error} (see 'godwit status')"]
        case ServiceUnavailable():
            return [f"Temporal: {error}; are Temporal and a worker running? (TEMPORAL_ADDRESS)"]
    raise error


def _reason(error: Exception) -> str:
    """The reason of a database's error, without a row: PostgreSQL quotes them in its texts."""
    from sqlalchemy.exc import OperationalError

    from telemetry.exceptions import code_of

    quotes = hasattr(getattr(error, "orig", None), "sqlstate")
    if quotes and not isinstance(error, OperationalError):
        return f"{type(error).__name__} {code_of(error) or ''}".rstrip()
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def _fail(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"godwit: {line}\n")


if __name__ == "__main__":
    main()
