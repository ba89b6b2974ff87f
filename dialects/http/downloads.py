"""CSV in place of JSON: whether a caller prefers it, and how it is sent."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

BOM = "\ufeff"
# Describes for OpenAPI that a route answers with CSV, too.
OR_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


def wants_csv(request: Request) -> bool:
    """Whether the caller prefers ``text/csv`` to JSON. Source: RFC 9110, section 12.5.1.

    It must name ``text/csv`` or ``text/*``; where it likes both alike, it gets CSV.
    """
    accept = ",".join(request.headers.getlist("accept"))
    qualities = {}
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        qualities[name] = _quality(parameters)
    named = [qualities[name] for name in ("text/csv", "text/*") if name in qualities]
    json = (qualities.get(name) for name in ("application/json", "application/*", "*/*"))
    json_quality = next((quality for quality in json if quality is not None), 0.0)
    return bool(named) and named[0] > 0 and named[0] >= json_quality


def csv_download(rows: Iterable[str], name: str, bom: bool = True) -> StreamingResponse:
    """Send CSV as the file ``name``.csv, which must be plain ASCII without quotation marks.

    It begins with a byte order mark, by which spreadsheets recognise UTF-8, unless ``bom`` is
    False.
    """

    def parts() -> Iterator[str]:
        if bom:
            yield BOM
        yield from rows

    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(parts(), media_type="text/csv", headers=disposition)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
