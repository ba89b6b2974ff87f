"""What people ask for by text (to stop, to start, or help), and an account's settings of it."""

from dataclasses import dataclass
from enum import StrEnum


class Keyword(StrEnum):
    """What a text asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text asks for, None for nothing; or that a person has to decide whether it asks."""

    keyword: Keyword | None = None
    needs_review: bool = False


@dataclass(frozen=True, slots=True)
class OptOutEvidence:
    """How a STOP or START came: ``text`` to ``address`` through ``carrier``, or by ``source``.

    ``source`` is "inbound", "api", "file" or "carrier"; ``reason`` is a carrier's code.
    """

    source: str
    carrier: str | None = None
    address: str | None = None
    text: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class KeywordSettings:
    """The languages (None: all) and own words of an account, and its answers to STOP and HELP.

    The English words of STOP always count. ``{{ACCOUNT}}`` in an answer is the account's name; an
    empty answer is none, None the default. With ``replies_paid`` answers cost credits.
    """

    languages: tuple[str, ...] | None = None
    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    stop_reply: str | None = None
    help_reply: str | None = None
    replies_paid: bool = False

    def reply(self, keyword: Keyword) -> str:
        """The answer to a keyword, empty if there is none."""
        match keyword:
            case Keyword.STOP:
                return DEFAULT_STOP_REPLY if self.stop_reply is None else self.stop_reply
            case Keyword.HELP:
                return DEFAULT_HELP_REPLY if self.help_reply is None else self.help_reply
        return ""


# Most carriers confirm a STOP themselves, and what is sent after a STOP must be meant.
DEFAULT_STOP_REPLY = ""
DEFAULT_HELP_REPLY = (
    "{{ACCOUNT}}: reply STOP to receive no more texts, START to receive them again."
)
DEFAULT_SETTINGS = KeywordSettings()
