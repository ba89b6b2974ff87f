"""What a dialect is: one API with its paths, routes, errors and webhook requests."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from dialects.http.context import ApiContext


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: the paths it owns, its routes, and the shape of its errors.

    ``prefix`` is how the paths that it owns begin; an API without a root of its own has several.
    ``show_error`` renders what no route of its own answered: a status (404, 405, 500, 503) and
    a sentence.
    """

    name: str
    prefix: str | tuple[str, ...]
    routes: Callable[[ApiContext], APIRouter]
    show_error: Callable[[int, str], Response]
