"""The answers of /healthz and /readyz."""

from typing import Literal

from pydantic import Field

from dialects.http.api_model import ApiModel


class Health(ApiModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class ReadinessReport(ApiModel):
    """Which parts are ready."""

    database: bool
    temporal: bool
    workers: bool
    disk: bool
    carriers: bool
    clock: bool
    sending: bool
    problems: dict[str, str] = Field(description="what is wrong, by part")
