"""The bases of the pydantic models of the APIs."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from campaign.instants import iso


def _written(value: Any) -> Any:
    return iso(value) if isinstance(value, int) else value


# A moment: an ``Instant`` of a record is written as ISO 8601 in UTC.
At = Annotated[
    str,
    BeforeValidator(_written),
    Field(json_schema_extra={"format": "date-time", "examples": ["2026-12-01T10:00:00.000Z"]}),
]

# The cursor of a page of a list.
Next = Annotated[str | None, Field(description="cursor of the next page; null after the last")]


def example(content: Mapping[str, Any], **schema: Any) -> ConfigDict:
    """Configure a model with an example for its JSON Schema, and with other members of that."""
    return ConfigDict(json_schema_extra={**schema, "examples": [dict(content)]})


class ApiModel(BaseModel):
    """A JSON object of the native API, in camelCase; refuses members that it does not declare."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        from_attributes=True,
    )

    @classmethod
    def of(cls, record: Any) -> Self:
        """Read the attributes of a record that have the names of the fields."""
        return cls.model_validate(record)

    def json_object(self) -> dict[str, Any]:
        """The object as the JSON library writes it."""
        return self.model_dump(mode="json")


class VendorRequest(BaseModel):
    """A JSON object in camelCase with exact types; other members are ignored, as at the vendors."""

    model_config = ConfigDict(strict=True, alias_generator=to_camel)


class AnswerModel(BaseModel):
    """A JSON object in an answer of a vendor's API, with no members but those declared."""

    model_config = ConfigDict(extra="forbid", strict=True)
