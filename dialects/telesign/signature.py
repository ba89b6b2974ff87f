"""Telesign: the string that a request signs (TSA), and its signature.

The vendor's authentication page defines both. Our key id is its customer id, our key secret its
API key.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

SCHEME = "TSA"


def string_to_sign(method: str, headers: Mapping[str, str], body: bytes, path: str) -> bytes:
    """Join what is signed: method, content type, date, ``x-ts-*`` headers, raw body and path.

    ``headers`` has lower-case names. The line of the date is empty if there is an ``x-ts-date``,
    and an empty body has no line. The body is signed as sent, because encoding its fields again
    could give other bytes.
    """
    date = "" if "x-ts-date" in headers else headers.get("date", "")
    lines = [method, headers.get("content-type", ""), date]
    lines += [
        f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith("x-ts-")
    ]
    # The server decodes header values as Latin-1.
    parts = ["\n".join(lines).encode("latin-1", "replace"), body, path.encode()]
    return b"\n".join(part for part in parts if part)


def sign(secret: str, content: bytes) -> str:
    """HMAC-SHA256 in Base64 with the decoded secret; callbacks sign their body so."""
    key = base64.b64decode(secret)
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
