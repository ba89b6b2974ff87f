"""What the pages about tests, people, replies and credits say."""

from urllib.parse import quote

from campaign.credits import CreditKind
from campaign.people import ERASED
from console.sessions import CONSOLE_PATH
from store.accounts.ledger_entries import LedgerEntry
from store.accounts.opt_outs import OptOutEventView
from store.replies.conversations import UNREAD_MAX

NUMBER_EXAMPLE = "+14155550123"
HOW_MANY_TESTS = f"Give one to ten numbers, one a line, such as {NUMBER_EXAMPLE}."

CREDIT_KINDS = {CreditKind.SMS: "texts (SMS)", CreditKind.MMS: "pictures (MMS)"}
MOVEMENTS = {
    "grant": "added by the operator",
    "hold": "set aside for a campaign",
    "post": "spent",
    "void": "given back",
}


NO_ANSWER = "Write an answer."


def no_number(written: str) -> str:
    """What is wrong with a number that somebody typed."""
    shown = f"{written[:40]}…" if len(written) > 40 else written
    return (
        f"“{shown}” is no phone number. Write it with its country code, such as {NUMBER_EXAMPLE}."
    )


# How somebody came to be opted out or in, without a text of theirs.
SOURCES = {
    "api": "by a key of your account",
    "file": "from a file of your account",
    "carrier": "the network says so",
    "inbound": "by a text",
    ERASED: "when they were erased",
}


def count_unread(count: int) -> str:
    """How many texts are unread: "3", or "999+"."""
    return str(count) if count < UNREAD_MAX else f"{UNREAD_MAX - 1}+"


def number_path(number: str) -> str:
    """The page of a person."""
    return f"{CONSOLE_PATH}/people?number={quote(number, safe='')}"


def conversation_path(writer: str, number: str) -> str:
    """The page of what somebody wrote to a number of the account, and of the answers."""
    who, whom = quote(writer, safe=""), quote(number, safe="")
    return f"{CONSOLE_PATH}/replies/with?writer={who}&number={whom}"


def source(code: str) -> str:
    """Where an opt-out came from; a code that we do not know stays as it is."""
    return SOURCES.get(code, code)


def opted_out(code: str) -> str:
    """Why somebody gets nothing more: only a text of theirs, or their network, asks for them."""
    if code == ERASED:
        return "This person was erased"
    asked = code in ("inbound", "carrier")
    return "This person asked not to be texted" if asked else "This person is opted out"


def evidence(event: OptOutEventView) -> str:
    """How an opt-out or opt-in came, but for the words of a text."""
    proof = event.evidence
    how = source(proof.source)
    if proof.address:
        how += f" to {proof.address}"
    if proof.carrier:
        how += f", through {proof.carrier}"
    return f"{how} ({proof.reason})" if proof.reason else how


def movement(entry: LedgerEntry) -> str:
    """What happened to credits."""
    if entry.amount < 0:
        return "taken back by the operator"
    return MOVEMENTS.get(entry.movement, entry.movement)
