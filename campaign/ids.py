"""The shape of ids: 128 bits as 22 base58 letters behind a prefix that names the thing."""

from collections.abc import Iterator

from campaign.instants import Instant

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Two letters for each number below 58 * 58, so that an id takes few divisions.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TWO, _FOUR, _EIGHT = 58**2, 58**4, 58**8
ID_LENGTH = 22
ID_BYTES = 16
# Of an id that begins with its time.
RANDOM_BYTES = 10

CAMPAIGN_PREFIX = "cmp_"
MESSAGE_PREFIX = "msg_"


def make_id(prefix: str, random: bytes) -> str:
    """Write 16 random bytes as ``prefix`` and 22 base58 characters.

    Raises ValueError for another number of bytes. Letters that look alike (0 O I l) do not
    occur, so that an id survives being read aloud. Ids sort as their bytes.
    """
    if len(random) != ID_BYTES:
        raise ValueError(f"an id is made of {ID_BYTES} bytes, not {len(random)}")
    # Numbers of up to 64 bits are divided several times faster.
    rest, low = divmod(int.from_bytes(random, "big"), _EIGHT)
    high, middle = divmod(rest, _EIGHT)
    (a, b), (c, d), (e, f) = divmod(high, _FOUR), divmod(middle, _FOUR), divmod(low, _FOUR)
    return (
        f"{prefix}{_PAIRS[a]}{_PAIRS[b // _TWO]}{_PAIRS[b % _TWO]}"
        f"{_PAIRS[c // _TWO]}{_PAIRS[c % _TWO]}{_PAIRS[d // _TWO]}{_PAIRS[d % _TWO]}"
        f"{_PAIRS[e // _TWO]}{_PAIRS[e % _TWO]}{_PAIRS[f // _TWO]}{_PAIRS[f % _TWO]}"
    )


def make_ids(prefix: str, now: Instant, random: bytes) -> Iterator[str]:
    """Ids in ascending order that begin with their time; one for each ten random bytes.

    Each has the 48 bits of ``now`` before its 80 random ones, as a UUID of version 7 (RFC 9562):
    rows that are written together are together in an index of their ids. Raises ValueError for a
    rest of bytes.
    """
    if len(random) % RANDOM_BYTES:
        raise ValueError(f"ids are made of {RANDOM_BYTES} bytes each, not {len(random)}")
    time = now.to_bytes(ID_BYTES - RANDOM_BYTES, "big")
    starts = range(0, len(random), RANDOM_BYTES)
    tails = sorted([random[start : start + RANDOM_BYTES] for start in starts])
    return (make_id(prefix, time + tail) for tail in tails)


def read_id(prefix: str, written: str) -> bytes | None:
    """The 16 bytes that ``make_id`` wrote behind ``prefix``; None for what it never writes."""
    letters = written.removeprefix(prefix)
    if len(letters) != ID_LENGTH or len(written) != len(prefix) + ID_LENGTH:
        return None
    value = 0
    for letter in letters:
        digit = _ALPHABET.find(letter)
        if digit < 0:
            return None
        value = value * 58 + digit
    return value.to_bytes(ID_BYTES, "big") if value < 1 << 8 * ID_BYTES else None
