"""The bases of the pydantic models of the APIs."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """A JSON object of the native API, in camelCase; refuses members that it does not declare."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


class AnswerModel(BaseModel):
    """A JSON object in an answer of a vendor's API, with no members but those declared."""

    model_config = ConfigDict(extra="forbid", strict=True)
