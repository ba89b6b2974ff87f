"""The keywords of accounts: their languages, their own words, and their answers."""

import json
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, text
from sqlmodel import select

from campaign.activity import Action
from campaign.keywords import KeywordSettings
from store.database.engine import Database
from store.shared.activity import record
from store.tables import KeywordSettingRow

_GET = select(KeywordSettingRow).where(KeywordSettingRow.account_id == bindparam("account_id"))
_SET = text("""
    INSERT INTO keyword_setting (
        account_id, languages, stop, start, help, stop_reply, help_reply, replies_paid
    )
    VALUES (
        :account_id, :languages, :stop, :start, :help, :stop_reply, :help_reply, :replies_paid
    )
    ON CONFLICT (account_id) DO UPDATE SET
        languages = excluded.languages, stop = excluded.stop, start = excluded.start,
        help = excluded.help, stop_reply = excluded.stop_reply,
        help_reply = excluded.help_reply, replies_paid = excluded.replies_paid
""")
_LISTS = ("stop", "start", "help")


def settings_of(connection: Connection, account_id: str) -> KeywordSettings:
    """Return the settings of an account in the caller's transaction; the defaults without any."""
    row = connection.execute(_GET, {"account_id": account_id}).first()
    if row is None:
        return KeywordSettings()
    return KeywordSettings(
        languages=None if row.languages is None else tuple(json.loads(row.languages)),
        **{name: tuple(json.loads(getattr(row, name))) for name in _LISTS},
        stop_reply=row.stop_reply,
        help_reply=row.help_reply,
        replies_paid=bool(row.replies_paid),
    )


class KeywordSettingsStore:
    """The settings of accounts in the database; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account_id: str) -> KeywordSettings:
        """The settings of an account; the defaults if it has set none."""
        return self._database.read(lambda connection: settings_of(connection, account_id))

    def set(self, account_id: str, settings: KeywordSettings) -> None:
        """Replace the settings of an account; a second run changes nothing."""
        values = {**asdict(settings), "account_id": account_id}
        for name in (*_LISTS, "languages"):
            if values[name] is not None:
                values[name] = json.dumps(values[name])

        def work(connection: Connection) -> None:
            connection.execute(_SET, values)
            record(connection, Action.KEYWORDS_CHANGED, account_id, account=account_id)

        self._database.write(work)
