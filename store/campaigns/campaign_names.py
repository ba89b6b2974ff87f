"""The names of campaigns, for lists of what belongs to many of them."""

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, text

from store.database.engine import Database

_NAMES = text("""
    SELECT id, name FROM campaign WHERE account_id = :account AND id IN :ids
""").bindparams(bindparam("ids", expanding=True))


class CampaignNames:
    """Reads the names of campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def among(self, account_id: str, ids: Collection[str | None]) -> Mapping[str, str | None]:
        """The names of those of the campaigns that are the account's; None for one without."""
        values = {"account": account_id, "ids": sorted({id for id in ids if id is not None})}
        if not values["ids"]:
            return {}
        return self._database.read(
            lambda connection: {row.id: row.name for row in connection.execute(_NAMES, values)}
        )
