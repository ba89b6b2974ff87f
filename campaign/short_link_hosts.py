"""The hosts of short links that accounts have of their own."""

import re
from urllib.parse import urlsplit, urlunsplit

from campaign.rules.phishing import classify
from campaign.web_addresses import ascii_host

# A name whose top label is no number.
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_WITHOUT_SETTING = "https:///s"


def own_host(written: str) -> str | None:
    """Convert a host to ASCII; None if an account cannot have it for its short links.

    It is a name with a dot, without scheme, port and path. Links on the host of a public shortener
    or on one that imitates a brand are refused by the rules of content, and by carriers.
    """
    host = ascii_host(written.strip())
    if not host or _NAME.fullmatch(host) is None or classify(f"https://{host}/s") is not None:
        return None
    return host


def base_url_of(setting: str, host: str | None) -> str:
    """The base URL of an account's short links: the installation's, at the account's own host.

    ``setting`` is the installation's base URL, "" if it has none. The result is "" without either.
    """
    if host is None:
        return setting
    parts = urlsplit(setting or _WITHOUT_SETTING)
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
