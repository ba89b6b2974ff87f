"""The version of this installation."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def godwit_version() -> str:
    """The version of the installed package, ``0`` if Godwit runs without being installed."""
    try:
        return version("godwit")
    except PackageNotFoundError:
        return "0"
