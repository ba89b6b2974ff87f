"""What a fresh embedded stack has to send with: an account, senders, and numbers to lease."""

from campaign.phone import OfflineLookup
from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.accounts.api_keys import KeyPair
from store.clock import wall_clock
from store.database.migrate import upgrade
from store.store import Store, open_store

DEMO_NAME = "demo"
DEMO_CREDITS = 1_000_000
DEMO_SENDERS = ("+18005559876", "72345", "GODWIT")
# Numbers kept for fiction, of three countries: of each, one more than an account may lease to one
# recipient.
DEMO_POOL = tuple(
    f"{start}{digit}"
    for start in ("+1312555014", "+1613555014", "+6149157015")
    for digit in range(4, 10)
)


def prepare(settings: Settings) -> tuple[AccountView, KeyPair]:
    """Migrate, and find or make the demo account; done again, it finds the same.

    The pool is filled once, with the account: what is taken out of it later stays out.
    """
    store = open_store(settings)
    try:
        upgrade(store.database)
        return _account(store)
    finally:
        store.close()


def _account(store: Store) -> tuple[AccountView, KeyPair]:
    account = store.accounts.show(DEMO_NAME)
    now = wall_clock()
    if account is None:
        lookup = OfflineLookup()
        for number in DEMO_POOL:
            store.leases.add_number(number, lookup.look_up(number).country, now)
        credits = (DEMO_CREDITS, DEMO_CREDITS)
        return store.accounts.create(DEMO_NAME, now, *credits, DEMO_SENDERS)
    pair = store.api_keys.reveal_oldest(account.id)
    return account, pair or store.api_keys.create(account.id, now)
