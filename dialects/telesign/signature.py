"""Telesign: who asks, proved by Basic credentials or by a signed request (TSA).

The vendor's clients sign by default; what they sign is its authentication page. Where that page is
silent (date tolerance, length and memory of nonces), docs/decisions/0016-telesign.md says what
holds here. Our key id is the customer id, our key secret the API key.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

SCHEME = "TSA"


def string_to_sign(method: str, headers: Mapping[str, str], body: bytes, path: str) -> bytes:
    """Join what is signed: method, content type, date, ``x-ts-*`` headers, raw body and path.

    ``headers`` has lower-case names. The line of the date stays empty where ``x-ts-date`` is
    there to take its place, and an empty body has no line. The body is signed as it was sent:
    encoding its fields anew could spell it differently.
    """
    date = "" if "x-ts-date" in headers else headers.get("date", "")
    lines = [method, headers.get("content-type", ""), date]
    lines += [
        f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith("x-ts-")
    ]
    # Header values are bytes that the server has read as Latin-1.
    parts = ["\n".join(lines).encode("latin-1", "replace"), body, path.encode()]
    return b"\n".join(part for part in parts if part)


def sign(secret: str, content: bytes) -> str:
    """HMAC-SHA256 in Base64, by the decoded secret; callbacks are signed so over their body."""
    key = base64.b64decode(secret)
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
