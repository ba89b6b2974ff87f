"""Limits on the values of a JSON body, applied before it is parsed.

While the parser reads one object or one string it holds Python's interpreter lock, so no other
request is answered; and each value takes some 100 bytes. The scan for the number of values copies
only the marks between them, and works in slices.
"""

import hashlib
import re

# About 200 MB once parsed; 50,000 recipients with 25 fields each are fewer.
VALUES_MAX = 2_000_000
# Values between the ends of two objects: about 20 ms of parsing.
VALUES_IN_A_ROW_MAX = 20_000
_MARKS = b'",}'
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_STRINGS = re.compile(rb'"[^"]*"')
_SLICE_BYTES = 256 * 1024
# No request may have so long a string: a text whose links are shortened has 20,000 characters.
STRING_LENGTH_MAX = 128 * 1024
# Inside of a string, a backslash stands before every quotation mark.
_OPENING = re.compile(rb'(?<!\\)"')
_HEX = "[0-9A-Fa-f]"
# A pair of escapes that are one character is never divided.
_CHARACTER = re.compile(
    rf'[^"\\]|\\u[Dd][89ABab]{_HEX}{{2}}\\u{_HEX}{{4}}|\\u{_HEX}{{4}}|\\.', re.DOTALL
)


def without_long_strings(raw: bytes) -> bytes:
    """A JSON text whose strings have at most about ``STRING_LENGTH_MAX`` characters.

    A longer one is cut, and ends with a hash of the rest, so that different strings stay different.
    It is still too long for every request, which is refused for it as it would have been before.
    Raises UnicodeDecodeError if there is such a string and the text is not UTF-8.
    """
    window = STRING_LENGTH_MAX // 2
    starts = range(0, len(raw) - window + 1, window)
    if all(_OPENING.search(raw, start, start + window) for start in starts):
        return raw
    text = raw.decode()
    characters = re.compile(f"(?:{_CHARACTER.pattern}){{0,{STRING_LENGTH_MAX}}}+", re.DOTALL)
    pieces: list[str] = []
    kept = end = 0
    while (start := text.find('"', end)) >= 0:
        cut = end = _end(characters, text, start + 1)
        digest = hashlib.sha256()
        while (following := _end(characters, text, end)) > end:
            digest.update(text[end:following].encode())
            end = following
        if end > cut:
            pieces += text[kept:cut], digest.hexdigest()
            kept = end
        end += 1
    return "".join([*pieces, text[kept:]]).encode()


def _end(characters: re.Pattern[str], text: str, start: int) -> int:
    end = start + STRING_LENGTH_MAX
    if text.find('"', start, end) < 0 and text.find("\\", start, end) < 0:
        return min(end, len(text))
    found = characters.match(text, start)
    return start if found is None else found.end()


def fault_of_values(raw: bytes) -> str | None:
    """What is wrong with the number of values in a JSON text; None if it is within the limits.

    A text that is not JSON may be found faulty or not.
    """
    if raw.count(b",") + raw.count(b"}") <= VALUES_IN_A_ROW_MAX:
        return None
    in_a_row, total = _count(raw)
    if in_a_row > VALUES_IN_A_ROW_MAX:
        return f"the body has more than {VALUES_IN_A_ROW_MAX} values in one object or array"
    if total > VALUES_MAX:
        return f"the body has more than {VALUES_MAX} values"
    return None


def _count(raw: bytes) -> tuple[int, int]:
    """The most values between the ends of two objects, and all values."""
    if b"\\" in raw:
        # Without escapes, every quotation mark begins or ends a string.
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = raw.translate(None, _OTHERS)
    if marks.count(b'"') > 4 * (VALUES_MAX + 1):
        # A value has at most a name and a string.
        return 0, VALUES_MAX + 1
    most = in_a_row = total = 0
    is_inside = False
    for start in range(0, len(marks), _SLICE_BYTES):
        piece = marks[start : start + _SLICE_BYTES]
        if is_inside:
            piece = b'"' + piece
        is_inside = piece.count(b'"') % 2 == 1
        if is_inside:
            piece += b'"'
        outside = _STRINGS.sub(b"", piece)
        total += len(outside)
        first, *following = map(len, outside.split(b"}"))
        in_a_row += first
        if following:
            most, in_a_row = max(most, in_a_row, *following[:-1]), following[-1]
        most = max(most, in_a_row)
        if most > VALUES_IN_A_ROW_MAX or total > VALUES_MAX:
            break
    return most, total
