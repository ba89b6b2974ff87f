"""Make PNG pictures of pages small: one byte for each pixel, and the best compression."""

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def shrink(picture: bytes) -> bytes:
    """A picture in RGB with at most 256 colours; those that are rare become the nearest other.

    Source: Portable Network Graphics (PNG) Specification, second edition.
    """
    width, height, pixels = read(picture)
    found = Counter(pixels)
    palette = [colour for colour, _ in found.most_common(COLOURS)]
    index = {colour: place for place, colour in enumerate(palette)}
    for colour in found:
        if colour not in index:
            index[colour] = index[min(palette, key=lambda one: distance(one, colour))]
    rows = (
        b"\0" + bytes(index[pixels[at + column]] for column in range(width))
        for at in range(0, width * height, width)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = {
        b"IHDR": header,
        b"PLTE": b"".join(palette),
        b"IDAT": zlib.compress(b"".join(rows), 9),
        b"IEND": b"",
    }
    return SIGNATURE + b"".join(chunk(name, content) for name, content in parts.items())


def distance(one: bytes, other: bytes) -> int:
    """How far two colours are apart."""
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a picture."""
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def read(picture: bytes) -> tuple[int, int, list[bytes]]:
    """The width, height and pixels (3 bytes each) of a picture in RGB or RGBA, not interlaced."""
    at, data, header = len(SIGNATURE), b"", b""
    while at < len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        name, content = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        header = content if name == b"IHDR" else header
        data += content if name == b"IDAT" else b""
        at += length + 12
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or kind not in (2, 6) or interlaced:
        raise ValueError("only RGB and RGBA with 8 bits, not interlaced")
    size = 3 if kind == 2 else 4
    raw, stride = zlib.decompress(data), width * size
    above, pixels = bytearray(stride), []
    for row in range(height):
        start = row * (stride + 1)
        above = unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, size)
        pixels += [bytes(above[place : place + 3]) for place in range(0, stride, size)]
    return width, height, pixels


def unfiltered(kind: int, line: bytearray, above: bytearray, size: int) -> bytearray:
    """A row of a picture without its filter (section 9.2)."""
    for place in range(len(line)):
        left = line[place - size] if place >= size else 0
        corner = above[place - size] if place >= size else 0
        up = above[place]
        match kind:
            case 1:
                line[place] = (line[place] + left) & 255
            case 2:
                line[place] = (line[place] + up) & 255
            case 3:
                line[place] = (line[place] + (left + up) // 2) & 255
            case 4:
                line[place] = (line[place] + paeth(left, up, corner)) & 255
    return line


def paeth(left: int, up: int, corner: int) -> int:
    """The predictor of filter 4 (section 9.4)."""
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
