"""E-mail out, over the operator's own SMTP server (RFC 5321); the standard library's client."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

# Scheme of GODWIT_SMTP_URL: its usual port.
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailRefused(Exception):
    """The server will never take this one; the text is its code, and no address."""


class MailUnavailable(Exception):
    """The server did not take it now; the text is its code, and no address."""


class Mail(Protocol):
    """A way to hand an e-mail over."""

    def send(self, message: EmailMessage, to: str) -> None:
        """Hand one message over; blocking. Raises MailRefused or MailUnavailable, nothing else.

        Sent twice, it may arrive twice, under the same Message-ID.
        """
        ...


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """An SMTP server, reached anew for each message: answers are forwarded one by one.

    ``sender`` is what bounces go to; who a message is from stands in its own header.
    """

    url: str
    sender: str
    timeout_seconds: float = 10.0

    def send(self, message: EmailMessage, to: str) -> None:
        """See :class:`Mail`."""
        if not self.url:
            raise MailUnavailable("smtp_not_configured")
        try:
            with self._connect() as server:
                server.send_message(message, self.sender, [to])
        except smtplib.SMTPRecipientsRefused as error:
            raise _failure_of(next(iter(error.recipients.values()))[0]) from None
        except smtplib.SMTPResponseException as error:
            raise _failure_of(error.smtp_code) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailUnavailable(type(error).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        tls = ssl.create_default_context()
        server: smtplib.SMTP
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=self.timeout_seconds, context=tls)
        else:
            server = smtplib.SMTP(host, port, timeout=self.timeout_seconds)
        try:
            if parts.scheme == "smtp+starttls":
                server.starttls(context=tls)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def _failure_of(code: int) -> MailRefused | MailUnavailable:
    return MailRefused(f"smtp_{code}") if 500 <= code < 600 else MailUnavailable(f"smtp_{code}")
