"""Idempotency keys: their shape and their 48 hours (seed 000_28acbc3c0a0643f4.txt).

A key is *claimed* while its campaign or message is in progress and *spent* for 48 hours from the
successful send. It is free afterwards, or as soon as the send has failed for good.
"""

import re

from campaign.instants import HOUR, Instant

KEY_LIFE: Instant = 48 * HOUR

# fullmatch, because "$" would let a trailing newline through.
_KEY = re.compile(r"[A-Za-z0-9:@\-_)(]{2,100}")


def is_valid_key(key: str) -> bool:
    """True if ``key`` has 2-100 characters, all of ``A-Z a-z 0-9 : @ - _ ) (``."""
    return _KEY.fullmatch(key) is not None


def free_at(sent_at: Instant) -> Instant:
    """When a key that a send at ``sent_at`` spent is free again."""
    return sent_at + KEY_LIFE
