"""Media: an absolute http or https URL, and limits of the downloaded file.

See docs/decisions/0022-media.md for the source of the limits.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.phone import SenderKind, sender_kind
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.states import MessageStatus
from campaign.web_addresses import ascii_address

# "1 MB" as MiB, in favour of the sender.
BYTES_MAX = 1_048_576
TYPES = frozenset(
    "image/jpeg image/png image/gif video/mp4 video/mpeg audio/mpeg application/pdf text/vcard"
    " text/x-vcard".split()
)
# Other names for these types, which servers and programs write.
ALIASES = frozenset(
    "image/jpg image/pjpeg image/x-png audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3 video/x-mpeg"
    " video/mpg application/x-pdf text/directory".split()
)

Fault = tuple[RefusalCode, str]
TOO_LARGE: Fault = (RefusalCode.MEDIA_TOO_LARGE, "larger than 1 MB")
WRONG_TYPE: Fault = (RefusalCode.MEDIA_TYPE, "its Content-Type is not supported")
UNSAFE: Fault = (RefusalCode.MEDIA_UNSAFE, "its address is not on the public web")
# One text for every failure, so that nothing about our own network is revealed.
AWAY: Fault = (RefusalCode.MEDIA_UNREACHABLE, "could not be downloaded")
LATE: Fault = (
    RefusalCode.MEDIA_UNREACHABLE,
    "could not be downloaded in the time for one request",
)


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse media URLs that are not plain http or https URLs, and media from a name."""
    yield from islice(_faults(composed), SHOWN_MAX)


def _faults(composed: ComposedCampaign) -> Iterator[Refusal]:
    for message in composed.messages:
        url = message.media_url
        if url is not None and ascii_address(url) is None:
            yield Refusal(
                RefusalCode.MEDIA_INVALID,
                "must be an absolute http or https URL",
                f"recipients[{message.position}].mediaUrl",
            )
        if url is not None and sender_kind(message.sender) is SenderKind.ALPHANUMERIC:
            yield Refusal(
                RefusalCode.SENDER_INVALID,
                "media can be sent from a number or a short code only, not from a name",
                f"recipients[{message.position}].sender",
            )


def fault_of(status: int, content_type: str, length: int) -> Fault | None:
    """The fault of a download, from its status, Content-Type and length in bytes, or None."""
    if status != 200 or not length:
        return AWAY
    if content_type.partition(";")[0].strip().lower() not in TYPES | ALIASES:
        return WRONG_TYPE
    return None


def refusals(composed: ComposedCampaign, faults: Mapping[str, Fault]) -> list[Refusal]:
    """Refusals of the messages whose media URL is faulty, at most ``SHOWN_MAX``."""
    named = (
        Refusal(*fault, f"recipients[{message.position}].mediaUrl")
        for message in composed.messages
        if message.status is MessageStatus.QUEUED
        and (fault := faults.get(message.media_url or "")) is not None
    )
    return list(islice(named, SHOWN_MAX))
