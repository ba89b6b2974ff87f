"""Which visits through a short link are previews by programs, and not clicks by people.

The agents are in ``link_scanners.toml``, which is read once.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files

AGENT_LENGTH_MAX = 1_000
# What browsers send when they fetch a page that nobody has opened yet.
_PREFETCHING = ("purpose", "sec-purpose", "x-purpose", "x-moz")
_AHEAD = re.compile(r"\b(?:prefetch|prerender|preview)\b", re.IGNORECASE)

_LISTS = tomllib.loads(files(__package__).joinpath("link_scanners.toml").read_text("utf-8"))
_AGENTS = re.compile("|".join(re.escape(part) for parts in _LISTS.values() for part in parts))


def is_preview(method: str, headers: Mapping[str, str]) -> bool:
    """True if a visit is HEAD, by a known agent, or ahead of a person's click.

    ``headers`` has names in lower case. A program that calls itself a browser is not found out.
    """
    agent = headers.get("user-agent", "")[:AGENT_LENGTH_MAX].lower()
    return (
        method == "HEAD"
        or _AGENTS.search(agent) is not None
        or any(_AHEAD.search(headers.get(name, "")) for name in _PREFETCHING)
    )
