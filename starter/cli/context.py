"""How the command line finds the store and Temporal: by environment or by a running stack."""

import json
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

# The help of every command loads this module, and must not load the store for it.
if TYPE_CHECKING:
    from campaign.settings import Settings
    from store.accounts.accounts import AccountView
    from store.store import Store

# Control and format characters, surrogates, line and paragraph separators (Unicode 4.5).
_NOT_SHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class LogFormat(StrEnum):
    """The formats of ``GODWIT_LOG_FORMAT``."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def choose_log_format(log_format: LogFormat | None) -> None:
    """Use the format that an option names, here and in the processes that this one starts."""
    from telemetry.logs import configure

    if log_format is not None:
        os.environ["GODWIT_LOG_FORMAT"] = log_format
        configure()


class CommandError(Exception):
    """The command cannot be carried out; the text says why and what to try."""


def data_directory() -> Path:
    """The data directory of the embedded stack: ``GODWIT_DATA``, else ``.godwit``."""
    from campaign.settings import DATA_DIRECTORY

    return Path(os.environ.get("GODWIT_DATA", DATA_DIRECTORY))


def find_settings() -> "Settings":
    """Settings from the environment, completed from the data directory of an embedded stack.

    A stack writes ``stack.json`` and ``secret.key`` into its data directory; the database's own
    directory is looked at for the key too. Uses the stack's Temporal server unless
    ``TEMPORAL_ADDRESS`` names another one.
    """
    from campaign.settings import Settings
    from starter.embedded.environment import use_temporal_at

    data = data_directory()
    if "GODWIT_DATABASE_URL" not in os.environ and (data / "godwit.db").exists():
        os.environ["GODWIT_DATABASE_URL"] = f"sqlite:///{(data / 'godwit.db').resolve()}"
    stack = data / "stack.json"
    if stack.exists():
        description = json.loads(stack.read_text())
        os.environ.setdefault("GODWIT_DATABASE_URL", description["database"])
        if "TEMPORAL_ADDRESS" not in os.environ:
            use_temporal_at(description["temporal"], os.environ)
    if not os.environ.get("GODWIT_SECRET_KEY"):
        database = os.environ.get("GODWIT_DATABASE_URL", "")
        beside = Path(database.removeprefix("sqlite:///")).parent
        for directory in (data, beside):
            if (directory / "secret.key").exists():
                os.environ["GODWIT_SECRET_KEY"] = (directory / "secret.key").read_text().strip()
                break
    return Settings()


@contextmanager
def opened_store(settings: "Settings | None" = None) -> Iterator["Store"]:
    """A store for one command; raises CommandError when it or its schema is not there."""
    from campaign.activity import Actor, ActorKind
    from store.database.migrate import is_current
    from store.shared.activity import act_as
    from store.store import open_store

    settings = settings or find_settings()
    _check_file(settings.database_url)
    store = open_store(settings)
    act_as(Actor(ActorKind.OPERATOR))
    try:
        if not is_current(store.database):
            raise CommandError(
                f"the schema of the database {store.database.engine.url!r} is not current: run "
                "'godwit up' or 'godwit db upgrade', or set GODWIT_DATABASE_URL"
            )
        yield store
    finally:
        store.close()


def chosen_account(store: "Store", wanted: str | None) -> "AccountView":
    """The account of that id or name, or the only one there is; raises CommandError."""
    if wanted is not None:
        account = store.accounts.show(wanted)
        if account is None:
            raise CommandError(f"there is no account {wanted!r}")
        return account
    accounts = store.accounts.list()
    if len(accounts) != 1:
        names = (
            ", ".join(plain(account.name) for account in accounts)
            or "none; create one with 'godwit account create'"
        )
        raise CommandError(f"choose an account with --account (accounts: {names})")
    return accounts[0]


def plain(text: str) -> str:
    """A text from outside without control characters, so that it is safe on a terminal."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _NOT_SHOWN else character
        for character in text
    )


def _check_file(url: str) -> None:
    """Raise CommandError for a missing file: only ``up`` and ``db upgrade`` create one."""
    path = url.removeprefix("sqlite:///").partition("?")[0]
    if path != url and path and not Path(path).exists():
        raise CommandError(
            f"there is no database {path}: run 'godwit up' or 'godwit db upgrade', or set "
            "GODWIT_DATABASE_URL"
        )
