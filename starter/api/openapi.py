"""The OpenAPI document: what FastAPI generates of the routes, completed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline

from campaign.settings import Settings
from dialects.native.event_models import add_webhooks
from dialects.native.problem_models import example_components
from dialects.registry import DIALECTS
from starter.api.middleware import dialect_of

Document = dict[str, Any]

DESCRIPTION = """
Durable SMS and MMS campaigns: each accepted request is one Temporal workflow.

**Credentials**: an API key, as HTTP Basic (`keyId:keySecret`) or as
`Authorization: Bearer <bearer>`. The APIs of vendors take what the vendor's clients send.

**Errors** of the native API are problem documents (RFC 9457) with a stable `type`.

**Idempotency**: send the header `Idempotency-Key` with each request that creates something, and
repeat the request with the same key when no answer arrived.
"""
_PROJECT = "https://github.com/godwit-sms/godwit"
_SERVICE_TAGS = {
    "Carriers": "Callbacks of carriers: delivery receipts and inbound texts",
    "Service": "Health, readiness and metrics of the process",
}
_REFS = "#/components/schemas/"


# FastAPI's own would export paths, queries and the texts of exceptions (docs/traces.md).
_NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)


def documented_app(version: str, settings: Settings) -> FastAPI:
    """Make an app without routes whose document is completed when it is first requested."""
    dialects = (DIALECTS[-1], *DIALECTS[:-1])
    tags = {name: text for one in dialects for name, text in one.tags.items()} | _SERVICE_TAGS
    # /docs serves its own scripts, so that no browser loads them from another host.
    app = FastAPIOffline(
        title="Godwit",
        version=version,
        summary="Self-hosted, durable SMS and MMS campaigns",
        description=DESCRIPTION,
        contact={"name": "The Godwit authors", "url": _PROJECT},
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": settings.public_url or "/", "description": "This installation"}],
        openapi_tags=[{"name": name, "description": text} for name, text in tags.items()],
        generate_unique_id_function=operation_id,
        telemetry=_NO_TELEMETRY,
    )
    generate = app.openapi

    def describe() -> Document:
        if app.openapi_schema is None:
            add_webhooks(app.webhooks)
            app.openapi_schema = _completed(generate())
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
    return app


def operation_id(route: APIRoute) -> str:
    """The operationId of a route that names none: ``send_batch`` of an API is ``sendApiBatch``."""
    verb, *words = route.name.split("_")
    api = "".join(str(tag).replace(" ", "") for tag in route.tags[:1])
    return verb + api + "".join(word.capitalize() for word in words)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Each operation of a document, webhooks included: its path or event, method and object."""
    for group in ("paths", "webhooks"):
        for path, methods in document.get(group, {}).items():
            for method, operation in methods.items():
                yield path, method, operation


def _completed(document: Document) -> Document:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    # Wrong parameters are answered with 400.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemes: dict[str, Any] = {}
    for path, _, operation in operations(document):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]
        taken = _schemes_of(path)
        schemes |= taken
        operation["security"] = [{name: []} for name in taken]
        parts = (operation.get("requestBody", {}), *operation["responses"].values())
        for part in parts:
            for content in part.get("content", {}).values():
                _move_models(content, schemas, operation.get("tags", [""])[0].replace(" ", ""))
    components["securitySchemes"] = schemes
    components["examples"] = example_components()
    components["schemas"] = dict(sorted(schemas.items()))
    return document


def _schemes_of(path: str) -> Mapping[str, Any]:
    """The security schemes of a path; none outside of the APIs."""
    dialect = dialect_of(path)
    return dialect.schemes if path.startswith(dialect.prefix) else {}


def _move_models(content: Document, schemas: Document, tag: str) -> None:
    """Move the schema of a pydantic model, and those within it, to the components.

    A model whose name another one has gets the tag in front of its name.
    """
    schema = content.get("schema", {})
    if schema.get("type") != "object" or "title" not in schema:
        return
    models = {**schema.pop("$defs", {}), schema["title"]: schema}
    for prefix in ("", tag):
        text = json.dumps(models).replace("#/$defs/", f"{_REFS}{prefix}")
        moved = {f"{prefix}{name}": model for name, model in json.loads(text).items()}
        if all(schemas.get(name, model) == model for name, model in moved.items()):
            schemas |= moved
            content["schema"] = {"$ref": f"{_REFS}{prefix}{schema['title']}"}
            return
    raise ValueError(f"two models of {tag} are named alike: {', '.join(models)}")
