"""The problem documents of the native API as OpenAPI describes them, with an example of each."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import Field

from campaign.refusals import RefusalCode
from dialects.http.api_model import ApiModel

TYPE_PREFIX = "urn:godwit:problem:"
MEDIA_TYPE = "application/problem+json"


class Fault(ApiModel):
    """One fault of a request."""

    place: str = Field(description="path of the faulty member, header or parameter; may be empty")
    code: str
    detail: str
    details: dict[str, Any] | None = Field(
        default=None, description="of a file: line, column and value of the fault"
    )


class Problem(ApiModel):
    """Why a request failed (RFC 9457)."""

    type: str = Field(
        pattern=f"^{TYPE_PREFIX}[a-z0-9_]+$", description="stable; decide by this member"
    )
    title: str = Field(description="what is wrong, for people")
    status: int = Field(description="the HTTP status")
    errors: list[Fault] | None = Field(default=None, description="each fault and its place")


class About(StrEnum):
    """Which routes answer with a problem; ``ANY`` are all of them."""

    ANY = "any"
    CAMPAIGNS = "campaigns"
    ACCOUNT = "account"
    LISTS = "lists"
    WEBHOOKS = "webhooks"


class Example(NamedTuple):
    """An example of a problem type: the routes it is ``about``, and the place of its fault."""

    about: About
    status: int
    code: str
    title: str
    place: str | None = None

    @property
    def name(self) -> str:
        """Its name in the document; one code may come with several statuses."""
        return self.code if self.code != RefusalCode.MALFORMED else f"{self.code}_{self.status}"

    def problem(self) -> dict[str, Any]:
        """The problem document."""
        shown: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
        }
        if self.place is not None:
            shown["errors"] = [{"place": self.place, "code": self.code, "detail": self.title}]
        return shown


_CODES = RefusalCode
EXAMPLES = (
    Example(About.ANY, 400, _CODES.FIELD_INVALID, "limit must be from 1 to 1000", "limit"),
    Example(About.ANY, 401, "unauthenticated", "missing, malformed or unknown credentials"),
    Example(About.ANY, 402, _CODES.CREDITS_INSUFFICIENT, "not enough credits", ""),
    Example(About.ANY, 403, "forbidden", "this key lacks the permission manage:Account"),
    Example(About.ANY, 404, "not_found", "there is no such campaign"),
    Example(
        About.ANY,
        409,
        _CODES.KEY_REUSED,
        "the key was used for a different request",
        "Idempotency-Key",
    ),
    Example(About.ANY, 410, "messages_removed", "the messages of this campaign have been removed"),
    Example(About.ANY, 413, _CODES.MALFORMED, "the body is larger than 65536 bytes"),
    Example(About.ANY, 415, _CODES.MALFORMED, "send the body as application/json"),
    Example(
        About.ANY, 422, _CODES.CONTENT_NOT_COMPLIANT, "the text offers what is not allowed", "text"
    ),
    Example(About.ANY, 429, _CODES.QUOTA_REACHED, "the daily messaging quota is reached", ""),
    Example(About.ANY, 500, "internal_error", "an unexpected error occurred"),
    Example(About.ANY, 503, "unavailable", "temporarily unavailable"),
    Example(About.CAMPAIGNS, 400, _CODES.MALFORMED, "the body is not JSON: line 1, column 2"),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.FIELD_MISSING,
        "needs either to or mailingList",
        "recipients[0].to",
    ),
    Example(
        About.CAMPAIGNS, 400, _CODES.KEY_INVALID, "must have 2 to 100 characters", "idempotencyKey"
    ),
    Example(
        About.CAMPAIGNS, 400, _CODES.TOO_FEW_RECIPIENTS, "there are no recipients", "recipients"
    ),
    Example(
        About.CAMPAIGNS, 400, _CODES.TOO_MANY_RECIPIENTS, "at most 50000 recipients", "recipients"
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.NUMBER_INVALID,
        "must be a phone number in international format",
        "recipients[0].to",
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.LIST_UNKNOWN,
        "there is no such mailing list",
        "recipients[0].mailingList",
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.LIST_EMPTY,
        "the mailing list has no members",
        "recipients[0].mailingList",
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.CONTENT_MISSING,
        "the message has neither text nor media",
        "recipients[0].text",
    ),
    Example(
        About.CAMPAIGNS, 400, _CODES.CONTENT_TOO_LONG, "the text is too long", "recipients[0].text"
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.CHARACTERS_INVALID,
        "the text has a character that is not allowed",
        "recipients[0].text",
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.FIELDS_MISSING,
        "the recipient lacks the field NAME",
        "recipients[0].fields",
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.MEDIA_INVALID,
        "must be an https address",
        "recipients[0].mediaUrl",
    ),
    Example(
        About.CAMPAIGNS, 400, _CODES.MEDIA_TOO_LARGE, "larger than 1 MB", "recipients[0].mediaUrl"
    ),
    Example(
        About.CAMPAIGNS,
        400,
        _CODES.SCHEDULE_INVALID,
        "must be a date and time such as 2026-12-01T10:00:00Z",
        "scheduleDateTime",
    ),
    Example(
        About.CAMPAIGNS, 400, _CODES.SPREAD_INVALID, "must be from 0 to 336 hours", "spreadHours"
    ),
    Example(About.CAMPAIGNS, 400, _CODES.SENDER_INVALID, "the sender cannot send MMS", "sender"),
    Example(
        About.CAMPAIGNS, 403, _CODES.SENDER_NOT_OWNED, "the sender is not the account's", "sender"
    ),
    Example(About.CAMPAIGNS, 409, "campaign_ended", "the campaign has ended: finished"),
    Example(About.CAMPAIGNS, 409, "campaign_began", "the campaign has begun: running"),
    Example(About.CAMPAIGNS, 409, "nothing_unsent", "every message with the text has left"),
    Example(About.CAMPAIGNS, 409, "text_not_editable", "the campaign is older than edits of texts"),
    Example(About.CAMPAIGNS, 409, "not_in_doubt", "the message is sent"),
    Example(About.ACCOUNT, 400, _CODES.NUMBER_INVALID, "must be a phone number", "number"),
    Example(About.ACCOUNT, 409, "sender_taken", "another account has this sender"),
    Example(About.ACCOUNT, 409, "sender_in_use", "messages wait to leave from this sender"),
    Example(
        About.ACCOUNT,
        409,
        "stopped_by_operator",
        "the operator has stopped sending since 2026-12-01T10:00:00.000Z",
    ),
    Example(
        About.LISTS,
        409,
        "mailing_list_name_taken",
        "the account already has a list of that name",
    ),
    Example(About.LISTS, 409, "mailing_list_full", "a list has at most 1000000 members"),
    Example(
        About.LISTS,
        409,
        "mailing_list_fields_full",
        "a member would have more than 50 fields together with those it has",
    ),
    Example(About.WEBHOOKS, 409, "webhook_disabled", "the webhook is disabled; enable it first"),
)


def examples_of(status: int, about: Iterable[About]) -> dict[str, Any]:
    """References to the examples of a status for routes that are ``about`` something."""
    groups = {About.ANY, *about}
    return {
        one.name: {"$ref": f"#/components/examples/{one.name}"}
        for one in EXAMPLES
        if one.status == status and one.about in groups
    }


def example_components() -> dict[str, Any]:
    """All examples, by their names in the document."""
    return {one.name: {"value": one.problem()} for one in EXAMPLES}
