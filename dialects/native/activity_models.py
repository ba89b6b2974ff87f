"""Models of the record of who did what."""

from typing import Any

from pydantic import Field

from campaign.activity import Action, ActivityView, ActorKind
from campaign.instants import iso
from dialects.http.api_model import ApiModel, At, Next


class ActorModel(ApiModel):
    """Who acted: an API key, the operator at the command line, or Godwit by itself."""

    kind: ActorKind
    key_id: str | None = Field(description="the API key, for kind key")
    key_name: str | None = Field(description="the name of that key, if it has one")


class ActivityModel(ApiModel):
    """One action."""

    id: str
    at: At
    actor: ActorModel
    action: Action
    subject: str | None = Field(
        description="id of what was changed; a person is named by a keyed hash"
    )
    before: dict[str, Any] | None = Field(description="what was changed, as it was")
    after: dict[str, Any] | None = Field(description="what was changed, as it is since")
    request_id: str | None = Field(description="X-Request-Id of the request")
    address: str | None = Field(description="IP address of the client")


class ActivityPage(ApiModel):
    """A page of actions, newest first."""

    activity: list[ActivityModel]
    next: Next


def activity_model(view: ActivityView) -> ActivityModel:
    """The model of a recorded action."""
    actor = view.actor
    return ActivityModel(
        id=view.id,
        at=iso(view.at),
        actor=ActorModel(kind=actor.kind, key_id=actor.key_id, key_name=actor.key_name),
        action=Action(view.action),
        subject=view.subject,
        before=None if view.before is None else dict(view.before),
        after=None if view.after is None else dict(view.after),
        request_id=actor.request_id,
        address=actor.address,
    )
