"""Inbound texts: what people send to the numbers of accounts."""

import hashlib
from dataclasses import dataclass

from campaign.handoffs import Inbound
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.text import bad_character, is_blank

INBOUND_PREFIX = "rpl_"
# What stands for the rest of a text that is cut. It costs no second encoding.
CUT = "..."


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A text that ``writer`` sent to ``number``, as one account sees it.

    ``received_at`` is the carrier's time of it, or ours where the carrier states none or a later
    one. ``message_id`` and ``campaign_id`` name the message that it answers, None where there is
    none. ``carrier`` brought it. ``media_urls`` are the addresses of its pictures at the carrier.
    ``needs_review`` says that a person has to decide whether it asks to stop, ``unread`` that
    nobody has opened it in the console.
    """

    id: str
    account_id: str
    writer: str
    number: str
    body: str
    received_at: Instant
    message_id: str | None = None
    campaign_id: str | None = None
    carrier: str | None = None
    media_urls: tuple[str, ...] = ()
    needs_review: bool = False
    unread: bool = False

    @property
    def is_blank(self) -> bool:
        """True if it has neither media nor anything visible."""
        return not self.media_urls and is_blank(self.body)

    @property
    def text(self) -> str:
        """The body and the addresses of its media, one a line, for APIs that know texts only."""
        return "\n".join([self.body, *self.media_urls] if self.body else self.media_urls)


def inbound_id(account_id: str, carrier: str, inbound: Inbound, writer: str, number: str) -> str:
    """The id of an inbound text for an account: the same text brought again has the same id.

    The carrier's id of the text decides. A text without one is known by its content and time.
    """
    what = [account_id, writer, number, str(inbound.at), inbound.body]
    if inbound.carrier_id is not None:
        what = [account_id, carrier, inbound.carrier_id]
    elif inbound.media_urls:
        what += inbound.media_urls
    digest = hashlib.sha256("\n".join(what).encode("utf-8", "backslashreplace")).digest()
    return make_id(INBOUND_PREFIX, digest[:ID_BYTES])


def forwarded_text(message: InboundMessage, length_max: int) -> str:
    """An inbound text as a text to somebody else, of at most ``length_max`` characters.

    It names the writer, has no invalid characters and ends with the addresses of the media. A body
    that is too long is cut, and ``...`` says so.
    """
    shown = "".join("?" if bad_character(letter) else letter for letter in message.body)
    start, end = f"{message.writer}:", ""
    for url in message.media_urls:
        if len(start) + len(end) + len(url) + 2 + len(CUT) <= length_max:
            end += f" {url}"
    if shown:
        start += " "
    room = length_max - len(start) - len(end)
    if len(shown) > room:
        shown = shown[: room - len(CUT)] + CUT
    return start + shown + end
