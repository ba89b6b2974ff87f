"""The shape of ids: 128 bits as 22 base58 letters behind a prefix that names the thing."""

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
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
    letters = []
    for _ in range(ID_LENGTH):
        value, digit = divmod(value, 58)
        letters.append(_ALPHABET[digit])
    return prefix + "".join(reversed(letters))


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
