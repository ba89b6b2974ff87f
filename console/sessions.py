"""Who is signed in: signed cookies, one-time links, and the tokens of forms.

A session belongs to an API key: it has the permissions of that key, and ends with it.
"""

import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt

from campaign.instants import SECOND, Instant
from campaign.settings import Settings
from store.accounts.api_keys import Principal
from store.clock import wall_clock
from store.database.secrets import Sealer
from store.store import Store

CONSOLE_PATH = "/console"
# A working day: nobody signs in twice on one.
SESSION_SECONDS = 12 * 3600
LINK_SECONDS = 3600
TOKEN_LENGTH_MAX = 1_000
_SESSION, _LINK = "console session", "console link"
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: the principal of its key, and the token that its forms must carry."""

    id: str
    principal: Principal
    form_token: str
    ends_at: Instant

    def may(self, permission: str, in_sandbox: bool = False) -> bool:
        """See :meth:`store.accounts.api_keys.Principal.may`."""
        return self.principal.may(permission, in_sandbox)


@dataclass(frozen=True, slots=True)
class _Claims:
    key_id: str
    id: str
    ends_at: Instant


class Signatures:
    """Writes and checks what a browser holds; keys come from ``GODWIT_SECRET_KEY``."""

    def __init__(self, settings: Settings) -> None:
        self._sealer = Sealer(settings.secret_key.get_secret_value())

    def link_token(self, key_id: str) -> str:
        """The token of a link that signs in once, within an hour, with a key."""
        return self._signed(_LINK, key_id, LINK_SECONDS)

    def session_token(self, key_id: str) -> str:
        """The value of the cookie of a new session."""
        return self._signed(_SESSION, key_id, SESSION_SECONDS)

    def form_token(self, browser: str) -> str:
        """The token that the forms of one session, or of one browser, must carry."""
        return hmac.new(self.key, f"form {browser}".encode(), "sha256").hexdigest()

    def is_form_token(self, browser: str, given: str) -> bool:
        """Tell whether a form came from our page to the same session or browser."""
        return hmac.compare_digest(self.form_token(browser).encode(), given.encode())

    def read_session(self, token: str) -> _Claims | None:
        """What a session's cookie says; None if it is not ours or has expired."""
        return self._read(_SESSION, token)

    def read_link(self, token: str) -> _Claims | None:
        """What a link's token says; None if it is not ours or has expired."""
        return self._read(_LINK, token)

    @cached_property
    def key(self) -> bytes:
        """The key of all signatures."""
        return self._sealer.hash("console").encode()

    def _signed(self, audience: str, key_id: str, seconds: int) -> str:
        ends = wall_clock() // SECOND + seconds
        claims = {"aud": audience, "sub": key_id, "jti": secrets.token_urlsafe(16), "exp": ends}
        return jwt.encode(claims, self.key, _ALGORITHM)

    def _read(self, audience: str, token: str) -> _Claims | None:
        if len(token) > TOKEN_LENGTH_MAX:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key,
                [_ALGORITHM],
                audience=audience,
                options={"require": ["sub", "jti", "exp"]},
            )
        except jwt.InvalidTokenError:
            return None
        return _Claims(claims["sub"], claims["jti"], int(claims["exp"]) * SECOND)


class Sessions:
    """Sessions of one installation; each method reads or writes the store once or twice."""

    def __init__(self, store: Store, signatures: Signatures) -> None:
        self._store = store
        self.signatures = signatures

    def find(self, token: str) -> Session | None:
        """The session of a cookie; None if it expired, was ended, or its key is not valid."""
        claims = self.signatures.read_session(token)
        if claims is None or self._is_over(claims):
            return None
        principal = self._principal(claims.key_id)
        if principal is None:
            return None
        token = self.signatures.form_token(claims.id)
        return Session(claims.id, principal, token, claims.ends_at)

    def sign_in(self, key_id: str, secret: str) -> Principal | None:
        """The principal of a key pair, or of a bearer token where there is no key id."""
        if key_id:
            return self._store.api_keys.authenticate(key_id, secret)
        name, colon, rest = secret.partition(":")
        if colon:
            return self._store.api_keys.authenticate(name, rest)
        return self._store.api_keys.authenticate_bearer(secret)

    def follow_link(self, token: str) -> Principal | None:
        """Use a one-time link up; None if it is not ours, expired, used, or its key is not valid.

        Of several at once exactly one gets the principal.
        """
        claims = self.signatures.read_link(token)
        if claims is None:
            return None
        principal = self._principal(claims.key_id)
        return principal if principal is not None and self._use(claims) else None

    def end(self, session: Session) -> None:
        """End a session before it expires; a second run changes nothing."""
        self._use(_Claims(session.principal.key_id, session.id, session.ends_at))

    def _principal(self, key_id: str) -> Principal | None:
        signer = self._store.signing.find(key_id)
        if signer is None or signer.revoked or signer.suspended:
            return None
        return signer.principal

    def _use(self, claims: _Claims) -> bool:
        now = wall_clock()
        return self._store.signing.use_nonce(claims.key_id, _nonce(claims), now, claims.ends_at)

    def _is_over(self, claims: _Claims) -> bool:
        return self._store.signing.is_used(claims.key_id, _nonce(claims))


def _nonce(claims: _Claims) -> str:
    """The entry among the nonces of a key that says that a session or a link is used up."""
    return f"console:{claims.id}"
