"""Media: an absolute http or https address. What lies there is checked when it is fetched."""

from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlsplit

from campaign.model import Candidate
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode

LENGTH_MAX = 2_048


def check(candidate: Candidate) -> Iterator[Refusal]:
    """Refuse media addresses that are no plain web address."""
    judged: dict[str, bool] = {}
    yield from islice(_faults(candidate, judged), SHOWN_MAX)


def _faults(candidate: Candidate, judged: dict[str, bool]) -> Iterator[Refusal]:
    for message in candidate.messages:
        url = message.media_url
        if url is None:
            continue
        if url not in judged:
            judged[url] = is_web_address(url)
        if not judged[url]:
            yield Refusal(
                RefusalCode.MEDIA_INVALID,
                "not an absolute http or https address",
                f"recipients[{message.position}].mediaUrl",
            )


def is_web_address(url: str) -> bool:
    """Tell whether ``url`` is http(s) with a host, without user or control characters."""
    if len(url) > LENGTH_MAX or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number.
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
