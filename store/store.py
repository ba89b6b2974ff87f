"""The store: one database, with a class per noun on it."""

from dataclasses import dataclass

from campaign.settings import Settings
from store.accounts.accounts import Accounts
from store.accounts.api_keys import ApiKeys
from store.accounts.ledger_entries import LedgerEntries
from store.accounts.mailing_lists import Lists
from store.accounts.opt_outs import OptOuts
from store.accounts.senders import Senders
from store.accounts.signing import Signing
from store.campaigns.admission import Admissions
from store.campaigns.campaign_names import CampaignNames
from store.campaigns.campaigns import Campaigns
from store.campaigns.drafts import Drafts
from store.campaigns.forecasts import Forecasts
from store.campaigns.installation import Installation
from store.campaigns.links import Links
from store.campaigns.message_log import MessageLog
from store.campaigns.open_campaigns import OpenCampaigns
from store.campaigns.orders import Orders
from store.campaigns.plans import Plans
from store.campaigns.preparations import Preparations
from store.campaigns.retry import Retrying
from store.campaigns.text_edits import TextEdits
from store.campaigns.timelines import Timelines
from store.clock import StoreClock
from store.database.engine import Database
from store.database.secrets import Sealer
from store.people.erasure import Eraser
from store.people.people import People
from store.people.removal import MessageRemoval
from store.people.retention import Retention
from store.replies.conversations import Conversations
from store.replies.inbound import InboundMessages
from store.replies.leases import Leases
from store.replies.replies import Replies
from store.sending.carrier_health import Health
from store.sending.dead_numbers import DeadNumbers
from store.sending.due_messages import DueMessages
from store.sending.message_history import Attempts
from store.sending.receipts import Receipts
from store.sending.sending import Sending
from store.sending.unknowns import Resolving
from store.shared.activity import Activities
from store.shared.auto_replies import AutoReplies
from store.shared.brakes import Brakes
from store.shared.erased_numbers import ErasedNumbers
from store.shared.guards import Guards
from store.shared.keyword_settings import KeywordSettingsStore
from store.shared.outbox import Outbox
from store.shared.rates import Rates
from store.shared.routes import Routes
from store.webhooks.deliveries import Deliveries
from store.webhooks.delivery_log import DeliveryLog
from store.webhooks.endpoints import Endpoints
from store.webhooks.events import EventReader
from store.webhooks.listeners import Listeners


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is remembered. Its methods are synchronous and safe to call in threads."""

    database: Database
    clock: StoreClock
    accounts: Accounts
    ledger_entries: LedgerEntries
    senders: Senders
    api_keys: ApiKeys
    campaigns: Campaigns
    campaign_names: CampaignNames
    drafts: Drafts
    open_campaigns: OpenCampaigns
    orders: Orders
    brakes: Brakes
    admissions: Admissions
    preparations: Preparations
    forecasts: Forecasts
    plans: Plans
    sending: Sending
    rates: Rates
    routes: Routes
    health: Health
    receipts: Receipts
    opt_outs: OptOuts
    keywords: KeywordSettingsStore
    auto_replies: AutoReplies
    people: People
    eraser: Eraser
    retention: Retention
    removal: MessageRemoval
    dead_numbers: DeadNumbers
    leases: Leases
    inbound: InboundMessages
    conversations: Conversations
    replies: Replies
    resolving: Resolving
    retrying: Retrying
    text_edits: TextEdits
    attempts: Attempts
    message_log: MessageLog
    timelines: Timelines
    lists: Lists
    links: Links
    signing: Signing
    outbox: Outbox
    deliveries: Deliveries
    delivery_log: DeliveryLog
    endpoints: Endpoints
    listeners: Listeners
    activities: Activities
    events: EventReader
    installation: Installation

    def close(self) -> None:
        """Let go of every connection."""
        self.database.close()


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name; raises StoreError when it cannot be used."""
    database = Database(settings.database_url)
    sealer = Sealer(settings.secret_key.get_secret_value())
    api_keys = ApiKeys(database, sealer)
    outbox = Outbox(database)
    erased_numbers = ErasedNumbers(database, sealer)
    rates = Rates(database)
    health = Health(database)
    opt_outs = OptOuts(database, outbox, erased_numbers)
    routes = Routes(settings.carriers)
    forecasts = Forecasts(database, rates, routes)
    admissions = Admissions(database, outbox, erased_numbers, forecasts)
    due_messages = DueMessages(database, rates, health, routes)
    guards = Guards(outbox)
    receipts = Receipts(database, outbox, guards)
    return Store(
        database=database,
        clock=StoreClock(database),
        accounts=Accounts(database, api_keys),
        ledger_entries=LedgerEntries(database),
        senders=Senders(database),
        api_keys=api_keys,
        campaigns=Campaigns(database, outbox, forecasts),
        campaign_names=CampaignNames(database),
        drafts=Drafts(database),
        open_campaigns=OpenCampaigns(database),
        orders=Orders(database),
        brakes=Brakes(database),
        admissions=admissions,
        preparations=Preparations(database, outbox, erased_numbers),
        forecasts=forecasts,
        plans=Plans(database, guards, outbox),
        sending=Sending(database, outbox, due_messages, erased_numbers, receipts, guards),
        rates=rates,
        routes=routes,
        health=health,
        receipts=receipts,
        opt_outs=opt_outs,
        people=People(database, erased_numbers),
        eraser=Eraser(database, erased_numbers),
        retention=Retention(database),
        removal=MessageRemoval(database),
        keywords=KeywordSettingsStore(database),
        auto_replies=AutoReplies(database),
        dead_numbers=DeadNumbers(database, opt_outs),
        leases=Leases(database),
        inbound=InboundMessages(database, outbox),
        conversations=Conversations(database),
        replies=Replies(database),
        resolving=Resolving(database, admissions),
        retrying=Retrying(database, routes),
        text_edits=TextEdits(database),
        attempts=Attempts(database),
        message_log=MessageLog(database),
        timelines=Timelines(database),
        lists=Lists(database),
        links=Links(database, outbox),
        signing=Signing(database, sealer),
        outbox=outbox,
        deliveries=Deliveries(database),
        activities=Activities(database, erased_numbers),
        delivery_log=DeliveryLog(database),
        endpoints=Endpoints(database, sealer, outbox),
        listeners=Listeners(database, sealer),
        events=EventReader(database, sealer, api_keys),
        installation=Installation(database),
    )
