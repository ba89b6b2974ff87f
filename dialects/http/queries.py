"""Query parameters: a route takes those that it declares, each once, and no others."""

from collections import Counter
from typing import Any

from fastapi import Request

from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused

NAME_SHOWN_MAX = 100


class BadQuery(Refused):
    """A query has parameters that its route does not declare, or one more than once."""


def check_query(request: Request) -> None:
    """Raise BadQuery with the place of each unknown or repeated query parameter.

    A route declares its parameters as arguments of its handler, or below ``parameters`` of its
    ``openapi_extra``. At most ``SHOWN_MAX`` are named.
    """
    if not request.url.query:
        return
    known = _declared(request.scope.get("route"))
    faults = []
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        shown = name[:NAME_SHOWN_MAX]
        if name not in known:
            what = f"there is no query parameter {shown!r}"
        elif count > 1:
            what = f"the query parameter {shown!r} is given more than once"
        else:
            continue
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, shown))
    if faults:
        raise BadQuery(*faults[:SHOWN_MAX])


def _declared(route: Any) -> set[str]:
    extra = getattr(route, "openapi_extra", None) or {}
    names = {one["name"] for one in extra.get("parameters", ()) if one["in"] == "query"}
    dependant = getattr(route, "dependant", None)
    return names | {field.alias for field in getattr(dependant, "query_params", ())}
