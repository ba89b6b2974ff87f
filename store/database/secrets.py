"""Secrets at rest: a keyed hash to look them up, a sealed copy where one must be read again."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store.database.engine import StoreError


class Sealer:
    """Hashes and seals with keys derived from ``GODWIT_SECRET_KEY`` (any text).

    What one secret key wrote, another can neither find nor read. An empty one raises StoreError
    at the first use, so that commands that need no secrets work without it.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key

    def hash(self, value: str) -> str:
        """HMAC-SHA256 in hex: the same value gives the same hash, which does not reveal it."""
        key = self._derive(b"look-up")
        return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()

    def hash_people(self, account_id: str, numbers: Iterable[str]) -> dict[str, str]:
        """Map a hash of each number to the number; the same one differs between accounts."""
        key = self._derive(b"people")
        return {
            hmac.new(key, f"{account_id}\n{number}".encode(), hashlib.sha256).hexdigest(): number
            for number in numbers
        }

    def seal(self, value: str) -> str:
        """Encrypt and authenticate a value."""
        return self._fernet().encrypt(value.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Read a sealed value; raises StoreError when the secret key is another."""
        try:
            return self._fernet().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise StoreError("GODWIT_SECRET_KEY is not the one this was sealed with") from error

    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._derive(b"seal")))

    def _derive(self, purpose: bytes) -> bytes:
        if not self._secret_key:
            raise StoreError("GODWIT_SECRET_KEY is not set: keys cannot be read or written")
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"godwit " + purpose)
        return kdf.derive(self._secret_key.encode())
