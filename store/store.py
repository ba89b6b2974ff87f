"""The store: one database, with a class per noun on it."""

from dataclasses import dataclass

from campaign.settings import Settings
from store.accounts import Accounts
from store.admissions import Admissions
from store.attempts import Attempts
from store.callbacks import Callbacks
from store.campaigns import Campaigns
from store.candidates import Candidates
from store.engine import Database
from store.health import Health
from store.leases import Leases
from store.links import Links
from store.lists import Lists
from store.message_log import MessageLog
from store.news import NewsReader
from store.opt_outs import OptOuts
from store.outbox import Outbox
from store.pacing import Pacing
from store.plans import Plans
from store.receipts import Receipts
from store.replies import Replies
from store.resolving import Resolving
from store.retrying import Retrying
from store.routes import Routes
from store.secrets import Sealer
from store.sending import Sending
from store.signing import Signing
from store.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is remembered. Its methods are synchronous and safe to call in threads."""

    database: Database
    accounts: Accounts
    campaigns: Campaigns
    admissions: Admissions
    plans: Plans
    sending: Sending
    pacing: Pacing
    health: Health
    receipts: Receipts
    opt_outs: OptOuts
    leases: Leases
    replies: Replies
    resolving: Resolving
    retrying: Retrying
    attempts: Attempts
    message_log: MessageLog
    lists: Lists
    links: Links
    signing: Signing
    outbox: Outbox
    callbacks: Callbacks
    webhooks: Webhooks
    news: NewsReader

    def close(self) -> None:
        """Let go of every connection."""
        self.database.close()


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name; raises StoreError when it cannot be used."""
    database = Database(settings.database_url)
    sealer = Sealer(settings.secret_key.get_secret_value())
    accounts = Accounts(database, sealer)
    outbox = Outbox(database)
    admissions = Admissions(database, outbox)
    pacing = Pacing(database)
    health = Health(database)
    candidates = Candidates(database, pacing, health, Routes(settings.carriers))
    return Store(
        database=database,
        accounts=accounts,
        campaigns=Campaigns(database, outbox),
        admissions=admissions,
        plans=Plans(database),
        sending=Sending(database, outbox, candidates),
        pacing=pacing,
        health=health,
        receipts=Receipts(database, outbox),
        opt_outs=OptOuts(database),
        leases=Leases(database),
        replies=Replies(database, outbox),
        resolving=Resolving(database, admissions),
        retrying=Retrying(database),
        attempts=Attempts(database),
        message_log=MessageLog(database),
        lists=Lists(database),
        links=Links(database),
        signing=Signing(database, sealer),
        outbox=outbox,
        callbacks=Callbacks(database),
        webhooks=Webhooks(database, sealer, outbox),
        news=NewsReader(database, sealer, accounts),
    )
