"""What a dialect is: one API with its paths, routes, credentials and errors."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dialects.http.auth import BASIC, BEARER
from dialects.http.context import ApiContext


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: the paths it owns, its routes, and the shape of its errors.

    ``prefix`` is the start of every path that it owns; an API without a common root has several.
    ``show_error`` renders an error that none of its routes answered: an HTTP status (404, 405,
    500, 503) and a sentence. ``finish`` completes such an answer before it is sent. ``schemes`` are
    the security schemes of OpenAPI that its operations take, by name, and ``tags`` describes the
    tags of its operations, in the order in which the document has them.
    """

    name: str
    prefix: str | tuple[str, ...]
    routes: Callable[[ApiContext], APIRouter]
    show_error: Callable[[int, str], Response]
    finish: Callable[[ApiContext, Request, Response], Awaitable[Response]] | None = None
    schemes: Mapping[str, dict[str, Any]] = field(default_factory=lambda: {**BASIC, **BEARER})
    tags: Mapping[str, str] = field(default_factory=dict)
