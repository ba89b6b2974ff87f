"""The shape of ids: 128 bits as 22 base58 letters behind a prefix that names the thing."""

from collections.abc import Iterator

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Two letters for each number below 58 * 58, so that an id takes few divisions.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PAIR, _TWO_PAIRS = 58**2, 58**4
ID_LENGTH = 22
ID_BYTES = 16

CAMPAIGN_PREFIX = "cmp_"
MESSAGE_PREFIX = "msg_"


def make_id(prefix: str, random: bytes) -> str:
    """Write 16 random bytes as ``prefix`` and 22 base58 characters.

    Raises ValueError for another number of bytes. Letters that look alike (0 O I l) do not
    occur, so that an id survives being read aloud.
    """
    if len(random) != ID_BYTES:
        raise ValueError(f"an id is made of {ID_BYTES} bytes, not {len(random)}")
    value = int.from_bytes(random, "big")
    letters: list[str] = []
    for _ in range(ID_LENGTH // 4):
        value, four = divmod(value, _TWO_PAIRS)
        letters += _PAIRS[four % _PAIR], _PAIRS[four // _PAIR]
    letters += _PAIRS[value], prefix
    letters.reverse()
    return "".join(letters)


def make_ids(prefix: str, random: bytes) -> Iterator[str]:
    """Write random bytes as ids, one for each 16 of them; raises ValueError for a rest."""
    return (
        make_id(prefix, random[start : start + ID_BYTES])
        for start in range(0, len(random), ID_BYTES)
    )


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
