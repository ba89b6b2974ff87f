"""The store: one database, with a class per noun on it."""

from dataclasses import dataclass

from campaign.settings import Settings
from store.accounts import Accounts
from store.admissions import Admissions
from store.attempts import Attempts
from store.campaigns import Campaigns
from store.engine import Database
from store.opt_outs import OptOuts
from store.receipts import Receipts
from store.resolving import Resolving
from store.secrets import Sealer
from store.sending import Sending


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is remembered. Its methods are synchronous and safe to call in threads."""

    database: Database
    accounts: Accounts
    campaigns: Campaigns
    admissions: Admissions
    sending: Sending
    receipts: Receipts
    opt_outs: OptOuts
    resolving: Resolving
    attempts: Attempts

    def close(self) -> None:
        """Let go of every connection."""
        self.database.close()


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name; raises StoreError when it cannot be used."""
    database = Database(settings.database_url)
    admissions = Admissions(database)
    sealer = Sealer(settings.secret_key.get_secret_value())
    return Store(
        database=database,
        accounts=Accounts(database, sealer),
        campaigns=Campaigns(database),
        admissions=admissions,
        sending=Sending(database),
        receipts=Receipts(database),
        opt_outs=OptOuts(database),
        resolving=Resolving(database, admissions),
        attempts=Attempts(database),
    )
