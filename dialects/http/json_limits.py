"""Limits on the number of values in a JSON body, checked before it is parsed.

While the parser reads one object it holds Python's interpreter lock, so no other request is
answered; and each value takes some 100 bytes. This scan copies only the marks between values, and
works in slices.
"""

import re

# About 200 MB once parsed; 50,000 recipients with 25 fields each are fewer.
VALUES_MAX = 2_000_000
# Values between the ends of two objects: about 20 ms of parsing.
VALUES_IN_A_ROW_MAX = 20_000
_MARKS = b'",}'
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_STRINGS = re.compile(rb'"[^"]*"')
_SLICE_BYTES = 256 * 1024


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
