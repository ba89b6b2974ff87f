"""What the pages about lists, senders, keys, webhooks and settings say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaign.events import Event
from console.words import Text
from store.accounts.permissions import Permission


@dataclass(frozen=True, slots=True)
class Question:
    """A page that asks before something is lost: what happens, and the form that does it."""

    title: str
    effects: Sequence[str]
    button: str
    action: str
    back: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Secret:
    """A page that shows something once."""

    title: str
    advice: str
    values: Mapping[str, str]
    back: str


NO_LIST = Text("There is no such list", "It was deleted, or never existed. Look at all lists.")
NO_KEY = Text("There is no such key", "It was revoked, or never existed. Look at all keys.")
NO_SENDER = Text("There is no such sender", "It was removed already. Look at all senders.")
NO_WEBHOOK = Text("There is no such webhook", "It was deleted already. Look at all webhooks.")
NO_CONVERSATION = Text("There is no such conversation", "Look for it in the list of replies.")
NOT_OPTED_OUT = Text("This number is not opted out", "There is nothing to undo.")
WEBHOOK_OFF = Text(
    "This webhook is switched off", "Its server said that it is gone. Switch it on first."
)
SENDER_IN_USE = "This sender is still in use"

BAD_LIST_NAME = "Give the list a name of one line, with at most 100 characters."
LIST_NAME_TAKEN = "You have a list of this name already. Choose another one."
NEW_SECRET = "The new secret of the webhook"
SENDER_TAKEN = "This sender belongs to somebody else. Choose another one."
BAD_KEY_NAME = "Give the key a name of one line, with at most 100 characters."
NO_ROLE = "Choose what the key may do."
ROLE_NOT_YOURS = "You cannot give a key more than your own may do."
# What is wrong with the hours of advertising, by the part of them.
WINDOW_FAULTS = {
    "from": "Give the beginning as a time of day, such as 09:00.",
    "to": "Give the end as a time of day after the beginning, such as 20:00.",
    "days": "Choose at least one day.",
    "timezone": "This time zone is not known. Write it like Europe/Dublin, or leave it empty.",
}
TOO_MANY_WORDS = "Give at most 100 words of each kind."
NO_EVENTS = "Choose at least one event."

# What keys are made for; docs/console.md has the same table.
ROLES: Mapping[str, tuple[str, Sequence[str]]] = {
    "viewer": ("see campaigns, people and replies", (Permission.READ,)),
    "sender": ("write and send campaigns, too", (Permission.READ, Permission.SEND)),
    "manager": (
        "pause, change and stop campaigns, and manage lists, too",
        (Permission.READ, Permission.SEND, Permission.CONTROL),
    ),
    "operator": ("do everything, with settings, keys and erasure", ("*",)),
}
SENDER_KINDS = {
    "long_code": "phone number",
    "short_code": "short number",
    "alphanumeric": "name: nobody can answer it",
}
EVENTS = {
    "*": "everything",
    "message.*": "everything about messages",
    Event.MESSAGE_SENT: "a message is handed to the network",
    Event.MESSAGE_DELIVERED: "a message is delivered",
    Event.MESSAGE_UNDELIVERED: "a message is not delivered",
    Event.MESSAGE_FAILED: "a message could not be sent",
    Event.MESSAGE_UNKNOWN: "nobody knows whether a message left",
    Event.MESSAGE_RECEIVED: "somebody writes",
    "link.*": "everything about links",
    Event.LINK_CLICKED: "somebody opens a link",
    "campaign.*": "everything about campaigns",
    Event.CAMPAIGN_FINISHED: "a campaign ends",
    Event.CAMPAIGN_FINISHED_WITH_FAILURES: "a campaign ends, some not delivered",
    Event.CAMPAIGN_CANCELLED: "a campaign is cancelled",
    Event.CAMPAIGN_EXPIRED: "a campaign expires",
    "opt_out.*": "everything about opt-outs",
    Event.OPT_OUT_ADDED: "somebody opts out",
    Event.OPT_OUT_REMOVED: "somebody opts in again",
}
DELIVERY_STATES = {
    "waiting": "waiting for its next try",
    "delivered": "delivered",
    "dead": "given up",
}
PERIODS = {"hour": "the last hour", "day": "the last day", "week": "the last week"}
KEYWORDS = {
    "stop": "Words that ask you to stop, besides STOP and its like",
    "start": "Words that ask to be texted again",
    "help": "Words that ask for help",
}
DAYS = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
    "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
OUTSIDE = {"defer": "wait for the next hours", "skip": "are left out"}
PURPOSES = {
    "transactional": "reminders and notices, at any hour",
    "marketing": "advertising, in legal hours only",
}


def role(permissions: Sequence[str]) -> str:
    """What a key is called by its permissions; else they are listed."""
    known = {frozenset(given): name for name, (_, given) in ROLES.items()}
    return known.get(frozenset(permissions)) or ", ".join(sorted(permissions))


def code(last: str | None) -> str:
    """What the server of a webhook answered last."""
    if last is None:
        return ""
    return f"answered {last}" if last.isdecimal() else last.replace("_", " ")


def kept(days: int) -> str:
    """For how long something is kept."""
    return f"for {days:,} days" if days else "without a limit"
