"""Applications of tests make the validator of a parameter, a body or an answer when it is used.

Most tests call a few of all routes, and each has an application of its own.
"""

from functools import cached_property
from typing import Any

from fastapi._compat.v2 import ModelField


def make_validators_when_used() -> None:
    """Let fields of routes that are made from now on have no validator before their first use."""
    make = ModelField.__post_init__

    def made(field: ModelField) -> Any:
        make(field)
        return vars(field)["_type_adapter"]

    validator = cached_property(made)
    validator.__set_name__(ModelField, "_type_adapter")
    ModelField._type_adapter = validator  # type: ignore[assignment]
    ModelField.__post_init__ = lambda self: None  # type: ignore[method-assign]
