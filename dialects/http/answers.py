"""Answers by pydantic models, and how models stand in the OpenAPI document."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, TypeAdapter

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


class ModelResponse(JSONResponse):
    """An answer in JSON: a model or several, without the members that were not set."""

    def render(self, content: Any) -> bytes:
        """Write the content as compact JSON in UTF-8."""
        return _ANY.dump_json(content, by_alias=True, exclude_unset=True)


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a request model: one object for all routes, not to be changed."""
    return model.model_json_schema()


def body_of(
    model: type[BaseModel] | dict[str, Any], media_type: str = "application/json"
) -> dict[str, Any]:
    """Describe a required body, which the handler reads itself, for ``openapi_extra``.

    ``model`` is its model, or its JSON Schema.
    """
    schema = model if isinstance(model, dict) else schema_of(model)
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def query_of(model: type[BaseModel]) -> dict[str, Any]:
    """Describe the query parameters that a model reads, for ``openapi_extra``."""
    schema = schema_of(model)
    required = schema.get("required", ())
    parameters = [
        {"name": name, "in": "query", "required": name in required, "schema": one}
        for name, one in schema["properties"].items()
    ]
    return {"parameters": parameters}


def failures_of(
    model: type[BaseModel], descriptions: Mapping[int, str]
) -> dict[int | str, dict[str, Any]]:
    """Describe failures by status, all in the form of one model, for ``responses``.

    By its schema: FastAPI would make a validator of its own for each status of each route.
    """
    content = {"application/json": {"schema": schema_of(model)}}
    return {
        status: {"description": text, "content": content} for status, text in descriptions.items()
    }
