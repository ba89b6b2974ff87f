"""The HTTP client of every carrier: connections, deadline, size limit, and failures by doubt.

A failure must say whether the message may have been taken. It certainly was not if no connection
was made, or if the carrier's answer says so (``carriers/classify.py``). Every other failure is a
DoubtfulHandoff.
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic_core import PydanticSerializationError, to_json

from campaign.failures import CarrierFailure, TemporaryFailure
from campaign.handoffs import Handoff
from carriers.classify import Answer, Sort, classify
from carriers.connections import Connections
from carriers.requests import Server, request_of
from telemetry.logs import get_logger
from telemetry.tracing import HEADER as TRACEPARENT
from telemetry.tracing import call_span
from telemetry.version import godwit_version

log = get_logger("godwit.carriers")

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

Pairs = Mapping[str, str] | Sequence[tuple[str, str]]


class CarrierClient:
    """The connections to one carrier.

    ``timeout_seconds`` bounds a whole exchange, from waiting for a connection to the last byte of
    the answer. ``headers``, such as credentials, are sent with every request. ``sort`` returns the
    value of an answer or raises a CarrierFailure. ``name`` is the carrier's name in the log. With
    ``passes_trace`` a request carries the ``traceparent`` of its span: to a server of ours, and to
    no vendor (docs/decisions/0058-traces.md).
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float,
        connections: int,
        *,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        sort: Sort = classify,
        passes_trace: bool = False,
    ) -> None:
        server = Server.of(base_url)
        self._connections = (
            None if server is None else Connections(server, timeout_seconds, connections)
        )
        self._sort = sort
        self._name = name
        self._log = log.bind(carrier=name)
        self._passes_trace = passes_trace
        credentials: Mapping[str, str] = {}
        if server is not None and (server.user or server.password):
            credentials = basic(server.user, server.password)
        self._headers = {
            "accept": JSON,
            "accept-encoding": "identity",
            "user-agent": f"Godwit/{godwit_version()}",
            **credentials,
            **(headers or {}),
        }
        self._json_headers = {**self._headers, "content-type": JSON}

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        form: Pairs | None = None,
        query: Pairs | None = None,
        headers: Mapping[str, str] | None = None,
        handoff: Handoff | None = None,
    ) -> tuple[int, Any]:
        """Send one request once; returns the HTTP status and what ``sort`` makes of the answer.

        ``body`` is sent as JSON (bytes are JSON already), ``form`` as a form. The request that
        sends a ``handoff`` does not start once the handoff may not start any more. Raises
        NotStarted in that case, TemporaryFailure if the request certainly was not taken,
        PermanentFailure if the carrier refused it for good, DoubtfulHandoff if it may have been
        taken.
        """
        began = time.monotonic()
        sent = self._headers if body is None else self._json_headers
        content = b""
        if isinstance(body, bytes):
            content = body
        elif body is not None:
            content = _written(body)
        elif form is not None:
            content = urlencode(form, errors="replace").encode()
            sent = {**sent, "content-type": FORM}
        if headers is not None:
            sent = {**sent, **headers}
        if query is not None:
            path = f"{path}?{urlencode(query, errors='replace')}"
        reference, status = None if handoff is None else handoff.reference, None
        with call_span(f"carrier {method}", carrier=self._name, message=reference) as span:
            if self._passes_trace and span.traceparent is not None:
                sent = {**sent, TRACEPARENT: span.traceparent}
            try:
                answer = await self._exchange(method, path, content, sent, handoff)
                status = answer.status
                span.set(status=status)
                return status, self._sort(answer)
            except CarrierFailure as failure:
                outcome = type(failure).__name__
                span.set(outcome=outcome, code=failure.code)
                self._log.info(
                    "not taken",
                    outcome=outcome,
                    code=failure.code,
                    message=reference,
                    status=status,
                    milliseconds=round((time.monotonic() - began) * 1000),
                )
                raise

    async def _exchange(
        self,
        method: str,
        path: str,
        content: bytes,
        headers: Mapping[str, str],
        handoff: Handoff | None,
    ) -> Answer:
        if self._connections is None:
            raise TemporaryFailure("carrier_configuration")
        server = self._connections.server
        try:
            # The caller has quoted path and query.
            request = request_of(method, server.name, server.path + path, headers, content)
        except ValueError:
            raise TemporaryFailure("carrier_configuration") from None
        return await self._connections.exchange(
            request, None if handoff is None else handoff.may_start
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._connections is not None:
            await self._connections.close()


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return to_json(body)
    except PydanticSerializationError:  # An unpaired surrogate can only be escaped.
        return json.dumps(body, separators=(",", ":")).encode()


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authentication (RFC 7617, in UTF-8)."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token (RFC 6750)."""
    return {"authorization": f"Bearer {token}"}
