"""Idempotency keys: their shape and their 48 hours (seed 000_28acbc3c0a0643f4.txt).

A key is *claimed* while its campaign or message is under way, *spent* for 48 hours from the
successful send, and free again afterwards or as soon as the send fails for good.
"""

import re

from campaign.instants import HOUR, Instant

KEY_LIFE: Instant = 48 * HOUR

# fullmatch, because "$" would let a trailing newline through.
_KEY = re.compile(r"[A-Za-z0-9:@\-_)(]{2,100}")


def is_valid_key(key: str) -> bool:
    """Tell whether ``key`` has 2-100 characters, all of ``A-Z a-z 0-9 : @ - _ ) (``."""
    return _KEY.fullmatch(key) is not None


def free_at(sent_at: Instant) -> Instant:
    """When a key spent by a send at ``sent_at`` may be used again."""
    return sent_at + KEY_LIFE
