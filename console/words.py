"""What the pages say: states, reasons and problems as sentences, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaign.activity import Action, Actor, ActorKind
from campaign.canary import Measure
from campaign.ports import Tally
from campaign.refusals import Refusal
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from console.refusal_words import REFUSALS, of_place
from dialects.http.auth import Permission
from dialects.http.bodies import BadBody
from service.campaigns import StateConflict
from store.campaigns.open_campaigns import WORKFLOW_LOST
from store.shared.brakes import ACCOUNT_CLOSED, STOPPED


@dataclass(frozen=True, slots=True)
class Text:
    """A heading and what to do."""

    title: str
    advice: str = ""
    items: tuple[str, ...] = ()


STALE_FORM = Text(
    "This page was open too long",
    "Nothing was changed. Go back, load the page again, and repeat the step.",
)
BAD_REQUEST = Text("This page cannot be shown", "The address or the form has a wrong value.")
NO_CAMPAIGN = Text("There is no such campaign", "Look for it in the list of campaigns.")
NO_DRAFT = Text(
    "There is no such draft", "It was sent, discarded, or belongs to another key. Start a new one."
)
NO_PAGE = Text("There is no such page", "Look for it from the list of campaigns.")
UNAVAILABLE = Text(
    "A part of Godwit does not answer",
    "Nothing was lost. Wait a few seconds, and load the page again.",
)
FAILED = Text("Something went wrong here", "Load the page again. If that does not help, tell the "
              "person who runs Godwit what you did.")  # fmt: skip
TOO_LARGE = Text(
    "This is too large",
    "A file may have 16 MB, and what you type 64 KB. Divide it, and try again.",
)
TOO_MANY_SIGN_INS = Text("Too many attempts to sign in", "Wait a minute, and try again.")
WRONG_KEY = "This key is not known, or it was revoked. Check it, and try again."
NO_PAGES = (
    "This key opens no page: it may not read campaigns, send batches or manage the account. Sign "
    "in with another key."
)
USED_LINK = "This link was used, or it is older than an hour. Sign in with a key."
FORBIDDEN = {
    Permission.SEND: Text("This key cannot send", "Sign in with a key that may send batches."),
    Permission.SEND_SINGLE: Text("This key cannot send", "Sign in with a key that may send."),
    Permission.READ: Text(
        "This key cannot see campaigns", "Sign in with a key that may read them."
    ),
    Permission.CONTROL: Text(
        "This key cannot change campaigns", "Sign in with a key that may manage them."
    ),
    Permission.ADMINISTER: Text(
        "This page is for the operator", "Sign in with a key that may manage the account."
    ),
}

CAMPAIGN_STATES = {
    CampaignStatus.DRAFT: "being checked",
    CampaignStatus.PREPARING: "being prepared",
    CampaignStatus.REFUSED: "refused",
    CampaignStatus.SCHEDULED: "waiting for its time",
    CampaignStatus.RUNNING: "sending",
    CampaignStatus.PAUSED: "paused",
    CampaignStatus.FINISHED: "finished",
    CampaignStatus.FINISHED_WITH_FAILURES: "finished",
    CampaignStatus.CANCELLED: "cancelled",
    CampaignStatus.EXPIRED: "expired",
}
# The two ends of a campaign that was sent are one thing to see, and two to look for.
CAMPAIGN_FILTERS = {
    **CAMPAIGN_STATES,
    CampaignStatus.FINISHED: "finished, all delivered",
    CampaignStatus.FINISHED_WITH_FAILURES: "finished, some not delivered",
}
# Answers to single texts are campaigns of one message, and not what people look for in the list.
CAMPAIGN_KINDS = {"": "campaigns", "answers": "answers to replies", "all": "both"}
KEY_ID_SHOWN = 8
MESSAGE_STATES = {
    MessageStatus.QUEUED: "waiting",
    MessageStatus.SENDING: "on its way out",
    MessageStatus.RETRYABLE: "will be tried again",
    MessageStatus.SENT: "handed to the network",
    MessageStatus.DELIVERED: "delivered",
    MessageStatus.UNDELIVERED: "not delivered",
    MessageStatus.FAILED: "could not be sent",
    MessageStatus.SKIPPED: "left out",
    MessageStatus.CANCELLED: "cancelled",
    MessageStatus.UNKNOWN: "not known yet",
}
# What a reason means, and what to do about it.
REASONS = {
    "opted_out": "This person asked not to be texted.",
    "left_list": "This person left the mailing list before the message was due.",
    "duplicate": "The number is in the list twice. It gets one message.",
    "duplicate_key": "This message was sent before, under the same key.",
    "key_busy": "The same message is being sent by another campaign.",
    "fields_missing": "A field of the text has no value for this person. Fill it in your list.",
    "campaign_cancelled": "The campaign was cancelled before this message left.",
    "campaign_refused": "The campaign was refused, so nothing was sent.",
    "erased": "This person was erased.",
    "dead_number": "Earlier messages to this number failed for good. Remove it from your list.",
    "invalid_number": "This number does not exist. Remove it from your list.",
    "not_routable": "The network has no way to this number. Check the number.",
    "unreachable": "The phone is off or out of reach. Try again later.",
    "blocked": "The network blocked the message. Check the text and the sender.",
    "rejected": "The network refused the message. Check the text and the sender.",
    "spam": "The network took the text for spam. Write it differently.",
    "undelivered": "The network could not deliver it, and does not say why.",
    "expired": "The phone stayed off or out of reach until the network gave up.",
    "rate_limited": "The network asked us to send more slowly. It can be tried again.",
    "unavailable": "The network was unavailable. It can be tried again.",
    "timeout": "The network did not answer in time.",
    "interrupted": "A part of Godwit stopped before the network answered.",
    "connection_lost": "The connection broke before the network answered.",
    "no_connection": "The network could not be reached. It can be tried again.",
    "not_accepted": "The network says that it never got the message. It can be tried again.",
    "carrier_configuration": "The connection to the network refused our login. Tell the person "
    "who runs Godwit.",
    "not_mobile": "This number is no mobile phone. Ask for another number.",
    "country_not_enabled": "Messages to this country are not switched on. Tell the person who runs "
    "Godwit.",
    "text_missing": "The text is empty for this person.",
    "text_too_long": "The text is too long for the network. Shorten it.",
    "text_invalid": "The network cannot send this text. Write it differently.",
    "not_allowed": "This account may not send to the number. Tell the person who runs Godwit.",
    "filtered": "The network filtered the message out. Check the text and the sender.",
    "media_invalid": "The network cannot use the picture. Check its address.",
    "media_too_large": "The picture is too large.",
    "media_not_supported": "The phone or the network cannot show the picture.",
    "temporary_failure": "The network had trouble for a while. It can be tried again.",
    "carrier_error": "The network had an error of its own.",
    "carrier_removed": "Its network is not in use any more. It can be tried again.",
}
ACTIONS = {
    Action.CAMPAIGN_CREATED: "created",
    Action.CAMPAIGN_PAUSED: "paused",
    Action.CAMPAIGN_RESUMED: "resumed",
    Action.CAMPAIGN_CANCELLED: "cancelled",
    Action.CAMPAIGN_RETRIED: "sent again what failed",
    Action.CAMPAIGN_CHANGED: "changed",
    Action.RATE_CHANGED: "changed the rate",
    Action.MESSAGE_RESOLVED: "settled a message that was not known",
}
PROBLEMS = {
    WORKFLOW_LOST: "Its record in Temporal was lost, so it was paused for safety. Nothing is sent "
    "until you resume or cancel it.",
    ACCOUNT_CLOSED: "The account is closed. Nothing is sent until the operator opens it.",
    STOPPED: "Sending is stopped. It goes on when sending is started again.",
}
MEASURES = {
    Measure.FAILURES: "were not delivered",
    Measure.OPT_OUTS: "asked not to be texted",
    Measure.UNKNOWN: "are not known",
}
UNKNOWN_MEANING = (
    "The network may or may not have got these messages. Godwit does not send them again, so that "
    "nobody gets a message twice."
)
RESOLVING = (
    "Where the network's own records say what became of one, say so beside its number: what left "
    "is paid for, and the credits of what never left come back."
)
CONFLICTS = {
    "nothing_failed": "None of its messages can be sent again.",
    "texts_removed": "The texts of this campaign were removed, so it cannot be sent again.",
    "text_not_editable": "This campaign is too old for another text: its text was not kept.",
    "nothing_unsent": "All messages with this text have left, so it cannot be changed.",
}


def campaign_state(view: CampaignView) -> str:
    """Where a campaign stands, in a few words: "finished, 7 not delivered"."""
    tally = view.tally
    if view.status is CampaignStatus.RUNNING and not waiting(tally):
        return "sent, reports are coming in"
    word = CAMPAIGN_STATES[view.status]
    if view.ordered in ("pause", "cancel", "resume") and view.status not in _ENDED:
        word = {"pause": "pausing", "cancel": "cancelling", "resume": "resuming"}[view.ordered]
    bad = not_delivered(tally)
    return f"{word}, {bad:,} not delivered" if bad and view.status in _ENDED else word


def waiting(tally: Tally) -> int:
    """How many messages have yet to leave."""
    return tally.queued + tally.sending + tally.retryable


def not_delivered(tally: Tally) -> int:
    """How many messages did not reach anybody: refused by the network, or lost on its way."""
    return tally.undelivered + tally.failed


def reason(code: str) -> str:
    """What a reason means and what to do; a code that we do not know stays as it is."""
    return REASONS.get(code, f"The network says: {code.replace('_', ' ')}.")


def action(name: str) -> str:
    """What was done to a campaign."""
    return ACTIONS[Action(name)] if name in ACTIONS else name.replace(".", " ")


def actor(one: Actor) -> str:
    """Who did something."""
    if one.kind is ActorKind.KEY:
        # Two keys may have one name.
        known = one.key_name and f"{one.key_name} ({str(one.key_id)[:KEY_ID_SHOWN]}…)"
        return f"the key {known or one.key_id}"
    return "the operator" if one.kind is ActorKind.OPERATOR else "Godwit by itself"


def problem(view: CampaignView) -> str | None:
    """What keeps an open campaign from going on, in a sentence."""
    if (stop := view.pause_reason) is not None:
        who = "of the first ones " if stop.guard == "canary" else ""
        return (
            f"{stop.bad:,} {who}of {stop.outcomes:,} {MEASURES[stop.measure]}, more than the "
            f"{100 * stop.rate_max:g} % that is allowed, so it was paused. Look at the reasons, "
            "and then resume or cancel it."
        )
    return None if view.problem is None else PROBLEMS.get(view.problem, f"{view.problem}.")


def refusal(fault: Refusal) -> str:
    """One refusal as a sentence."""
    known = REFUSALS.get(fault.code)
    if known is not None:
        return known
    return of_place(fault.place, fault.message)


def refused(refusals: Sequence[Refusal]) -> Text:
    """What is wrong with a request, fault by fault."""
    items = tuple(refusal(fault) for fault in refusals)
    return Text("This cannot be done as it is", "Nothing was sent.", items)


def conflict(error: StateConflict) -> Text:
    """Why a campaign does not take an order."""
    advice = CONFLICTS.get(error.code) or PROBLEMS.get(error.code) or error.reason
    if not advice:
        advice = f"The campaign is {CAMPAIGN_STATES[error.status]}."
    return Text("The campaign has moved on", f"{advice} Load its page again to see where it is.")


def bad_body(error: BadBody) -> Text:
    """Why a form or a file could not be read."""
    if error.status == 413:
        return TOO_LARGE
    return Text("This could not be read", sentence(error.reason))


_ENDED = (
    CampaignStatus.FINISHED,
    CampaignStatus.FINISHED_WITH_FAILURES,
    CampaignStatus.CANCELLED,
    CampaignStatus.EXPIRED,
    CampaignStatus.REFUSED,
)


BAD_NAME = "The name has a character that cannot be in a name. Type it anew."
NO_TEXT = "Write a text."
NO_FILE = "Choose a file, or paste a list."
PASTED = "what you pasted"
BAD_TIME = "Give a date and a time, such as 2026-12-01 at 09:00."
NO_SUCH_TIME = "This time does not exist there: the clock is put forward over it. Choose another."
BAD_HOURS = "Give the hours as a number, such as 3 or 0.5."
SKIPPED = {
    "duplicate": "twice in the list: they get one message",
    "opted_out": "asked not to be texted",
    "fields_missing": "have an empty field",
}


def type_number(people: int) -> str:
    """What to type before a large send."""
    return f"Type {people} to show that you mean to send to {people:,} people."


def sentence(text: str) -> str:
    """A message of a reader as a sentence."""
    written = f"{text[:1].upper()}{text[1:]}".rstrip(".")
    return written if written.endswith("?") else f"{written}."


def fault(message: str) -> str:
    """What is wrong with a cell, as a sentence about it."""
    begins = message.partition(" ")[0]
    return sentence(f"it {message}" if begins in ("is", "has", "stands", "must") else message)


def skipped(code: str) -> str:
    """Why people of a list get no message, after their number."""
    return SKIPPED.get(code) or REASONS.get(code) or code.replace("_", " ")
