"""Media: an absolute http or https address, and what may lie there once it is downloaded.

docs/decisions/0022-media.md says whose figures these are.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from urllib.parse import urlsplit

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.states import MessageStatus

LENGTH_MAX = 2_048
# A name has 253 letters at most. What is longer takes the square of its length to take apart.
_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]{1,300}(?:[/?#].*)?")
# "1 MB" is read in favour of whoever sends.
BYTES_MAX = 1_048_576
TYPES = frozenset(
    "image/jpeg image/png image/gif video/mp4 video/mpeg audio/mpeg application/pdf text/vcard"
    " text/x-vcard".split()
)

Fault = tuple[RefusalCode, str]
TOO_LARGE: Fault = (RefusalCode.MEDIA_TOO_LARGE, "larger than 1 MB")
WRONG_TYPE: Fault = (RefusalCode.MEDIA_TYPE, "its Content-Type is none that may be sent")
UNSAFE: Fault = (RefusalCode.MEDIA_UNSAFE, "not a plain address on the public web")
# One text for whatever went wrong: it must not tell what there is inside.
AWAY: Fault = (RefusalCode.MEDIA_UNREACHABLE, "could not be downloaded")
LATE: Fault = (RefusalCode.MEDIA_UNREACHABLE, "could not be downloaded in the time for one request")


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse media addresses that are no plain web address."""
    checked: dict[str, bool] = {}
    yield from islice(_faults(composed, checked), SHOWN_MAX)


def _faults(composed: ComposedCampaign, checked: dict[str, bool]) -> Iterator[Refusal]:
    for message in composed.messages:
        url = message.media_url
        if url is None:
            continue
        if url not in checked:
            checked[url] = is_web_address(url)
        if not checked[url]:
            yield Refusal(
                RefusalCode.MEDIA_INVALID,
                "not an absolute http or https address",
                f"recipients[{message.position}].mediaUrl",
            )


def fault_of(status: int, content_type: str, length: int) -> Fault | None:
    """Judge a download of at most BYTES_MAX: its status, Content-Type and length in bytes."""
    if status != 200 or not length:
        return AWAY
    if content_type.partition(";")[0].strip().lower() not in TYPES:
        return WRONG_TYPE
    return None


def refusals(composed: ComposedCampaign, faults: Mapping[str, Fault]) -> list[Refusal]:
    """Name every message, up to a readable number, whose media is among the faulty addresses."""
    named = (
        Refusal(*fault, f"recipients[{message.position}].mediaUrl")
        for message in composed.messages
        if message.status is MessageStatus.QUEUED
        and (fault := faults.get(message.media_url or "")) is not None
    )
    return list(islice(named, SHOWN_MAX))


def is_web_address(url: str) -> bool:
    """Tell whether ``url`` is http(s) with a host, without user or control characters."""
    if len(url) > LENGTH_MAX or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        return False
    if _AUTHORITY.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number.
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
