"""E-mail addresses: which can be written into a header and mean the same there."""

import re
from email.message import EmailMessage

# Local part and domain of RFC 5321, without quoted strings and address literals.
_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)


def is_mailable(address: str) -> bool:
    """Tell whether mail to an address goes to that very address.

    The address is read as the header ``To`` of a mail is read: an encoded word of RFC 2047 such as
    ``=?utf-8?q?x?=@example.com`` would be decoded there, and lead elsewhere.
    """
    if _ADDRESS.fullmatch(address) is None:
        return False
    try:
        message = EmailMessage()
        message["To"] = address
        header = message["To"]
        return not header.defects and [each.addr_spec for each in header.addresses] == [address]
    except Exception:
        # The parser of the standard library raises IndexError and others for odd encoded words.
        return False
