"""The main pages, and which keys see them."""

from console.sessions import CONSOLE_PATH
from store.accounts.api_keys import Principal
from store.accounts.permissions import Permission

REPLIES = "Replies"
# Each page with its paths below the console, the first of which is its address.
PAGES = (
    ("Campaigns", ("campaigns",), Permission.READ),
    ("New campaign", ("new",), Permission.SEND),
    ("Lists", ("lists",), Permission.READ),
    ("People", ("people", "opt-outs"), Permission.READ),
    (REPLIES, ("replies",), Permission.READ),
    ("Credits", ("credits",), Permission.READ),
    ("Settings", ("settings", "senders", "keys", "webhooks"), Permission.READ),
    ("Installation", ("installation",), Permission.ADMINISTER),
)
SETTINGS = (
    ("Hours and keywords", "settings", Permission.READ),
    ("Senders", "senders", Permission.READ),
    ("Keys", "keys", Permission.ADMINISTER),
    ("Webhooks", "webhooks", Permission.READ),
)


def first_page(principal: Principal) -> str | None:
    """The path of the first main page that a key may see; None if it may see none."""
    places = (places for _, places, permission in PAGES if principal.may(permission))
    found = next(places, None)
    return None if found is None else f"{CONSOLE_PATH}/{found[0]}"


def is_at(path: str, *places: str) -> bool:
    """Tell whether a path of the console is one of these places, or below one."""
    place = path.removeprefix(f"{CONSOLE_PATH}/").partition("/")[0]
    return place in places
