"""The rules of what may become a webhook, for the API and the command line."""

from collections.abc import Collection, Sequence

from campaign.events import SUBSCRIBABLE
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.settings import Settings
from campaign.web_addresses import ascii_address
from webhooks.addresses import is_callable


def check_url(url: str, settings: Settings) -> str:
    """Return the URL of a webhook in ASCII; raises Refused for one that can never be called.

    Each call checks the IP address again.
    """
    url = ascii_address(url) or url
    if not is_callable(url, settings.allow_private_urls, settings.allow_loopback):
        what = "url must be a public http or https URL with port 443 or 80"
        if settings.allow_loopback:
            what += ", or one of this machine"
        raise Refused(Refusal(RefusalCode.FIELD_INVALID, what, "url"))
    return url


def check_subscription(
    events: Collection[str], dialect: str, dialects: Collection[str]
) -> Sequence[str]:
    """Return the events of a webhook, each once; raises Refused for an unknown one or dialect.

    ``dialects`` are the APIs that know how to write events.
    """
    if not events or not set(events) <= SUBSCRIBABLE:
        known = ", ".join(sorted(SUBSCRIBABLE))
        raise Refused(Refusal(RefusalCode.FIELD_INVALID, f"events must be among {known}", "events"))
    if dialect not in dialects:
        known = ", ".join(sorted(dialects))
        raise Refused(
            Refusal(RefusalCode.FIELD_INVALID, f"dialect must be one of {known}", "dialect")
        )
    return sorted(set(events))
