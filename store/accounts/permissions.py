"""The permissions of API keys, and those that a sandbox key may use everywhere."""

from collections.abc import Sequence
from enum import StrEnum


class Permission(StrEnum):
    """The permissions of API keys; ``*`` grants all of them."""

    SEND = "create:BatchSMS"
    SEND_SINGLE = "create:SingleSMS"
    READ = "read:Campaigns"
    CONTROL = "manage:Campaigns"
    ADMINISTER = "manage:Account"


# Whatever a sandbox key sends is of the sandbox. Every other permission, and every later one,
# would change what live campaigns depend on.
SANDBOX_PERMISSIONS = frozenset({Permission.SEND, Permission.SEND_SINGLE, Permission.READ})
# Before each stored permission of a sandbox key. A version that knows no sandbox finds no
# permission that it knows, and refuses the key.
SANDBOX_PREFIX = "sandbox:"


def write_permissions(permissions: Sequence[str], sandbox: bool) -> str:
    """Write permissions as the store keeps them."""
    prefix = SANDBOX_PREFIX if sandbox else ""
    return " ".join(prefix + permission for permission in permissions)


def read_permissions(stored: str) -> tuple[list[str], bool]:
    """Read stored permissions, and whether they are those of a sandbox key."""
    names = stored.split()
    sandbox = any(name.startswith(SANDBOX_PREFIX) for name in names)
    return [name.removeprefix(SANDBOX_PREFIX) for name in names], sandbox
