"""Where the replies to a message are forwarded."""

import hashlib
from dataclasses import astuple, dataclass
from enum import StrEnum

from campaign.events import EventEndpoint


class ReplyChannel(StrEnum):
    """How a reply is forwarded."""

    NUMBER = "number"
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """Options of one message about its replies and receipts.

    With ``leased`` the message has a leased number, so a reply belongs to exactly this message and
    is forwarded to each of ``to_number``, ``to_email`` and ``webhook`` that is set, from
    ``from_sender`` and ``from_email``. ``receipts`` allows its delivery to be reported.
    """

    leased: bool = False
    receipts: bool = True
    to_number: str | None = None
    from_sender: str | None = None
    to_email: str | None = None
    from_email: str | None = None
    webhook: EventEndpoint | None = None

    def purpose(self) -> str:
        """A digest of the targets: messages with the same ones may share a leased number."""
        context = (self.to_number, self.from_sender, self.to_email, self.from_email)
        hook = None if self.webhook is None else astuple(self.webhook)
        return hashlib.sha256(repr((context, hook)).encode("utf-8", "backslashreplace")).hexdigest()

    def addresses(self) -> dict[ReplyChannel, str]:
        """The targets of a reply, each as a URI."""
        found = {}
        if self.to_number is not None:
            found[ReplyChannel.NUMBER] = f"tel:{self.to_number}"
        if self.to_email is not None:
            found[ReplyChannel.EMAIL] = f"mailto:{self.to_email}"
        if self.webhook is not None:
            found[ReplyChannel.WEBHOOK] = self.webhook.url
        return found
