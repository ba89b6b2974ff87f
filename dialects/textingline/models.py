"""Textingline: its requests, as pydantic models."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from campaign.phone import SenderKind, full_number, sender_kind
from campaign.refusals import RefusalCode
from campaign.text import clean, is_blank
from dialects.http.api_model import VendorRequest, example
from dialects.http.faults import fault

TEXT_LENGTH_MAX = 640
BATCH_MIN, BATCH_MAX = 10, 5_000
BROADCAST_MIN, BROADCAST_MAX = 100, 50_000
_SENDERS = (SenderKind.LONG_CODE, SenderKind.SHORT_CODE)
_SENDER, _TO = "+18005559876", "+14155550101"


def _sender(written: str) -> str:
    if sender_kind(written) not in _SENDERS:
        raise ValueError("no sender")
    return written


def _number(written: str) -> str:
    number = full_number(written)
    if number is None:
        raise ValueError("no number")
    return number


def _at_most(count_max: int) -> BeforeValidator:
    """A limit that is checked before the numbers are looked up."""

    def check(entries: Any) -> Any:
        if isinstance(entries, list) and len(entries) > count_max:
            what = "at most {max} recipients are allowed, there are {count}"
            code = RefusalCode.TOO_MANY_RECIPIENTS
            raise fault(code, what, count=len(entries), max=count_max)
        return entries

    return BeforeValidator(check)


def _limits(least: int, most: int) -> Any:
    return Field(json_schema_extra={"minItems": least, "maxItems": most})


To = Annotated[str, AfterValidator(_number), Field(description="E.164")]
Sender = Annotated[
    str, AfterValidator(_sender), Field(description="E.164, or a short code of 5-6 digits")
]
# These limits are rules of a campaign; here they are documented only.
Body = Annotated[str, Field(json_schema_extra={"maxLength": TEXT_LENGTH_MAX})]
MediaUrl = Annotated[str, Field(description="makes it an MMS")]
Key = Annotated[
    str,
    Field(
        json_schema_extra={
            "minLength": 2,
            "maxLength": 100,
            "pattern": r"^[A-Za-z0-9:@\-_)(]+$",
        }
    ),
]


class _Recipient(VendorRequest):
    to: To


class TextinglineRecipient(_Recipient):
    """A number with its text, media or both."""

    body: Body | None = None
    media_url: MediaUrl | None = None
    idempotency_key: Key | None = None


class TextinglineBroadcastRecipient(_Recipient):
    """A number that gets the text of the broadcast."""

    idempotency_key: Key | None = None


class TextinglineSend(VendorRequest):
    """What all requests to send have in common."""

    sender: Sender = Field(alias="from")
    idempotency_key: Key | None = None


class TextinglineContent(TextinglineSend):
    """What is sent to all recipients of a request."""

    media_url: MediaUrl | None = None
    body: Body | None = Field(None, validate_default=True)

    @field_validator("body")
    @classmethod
    def _check_content(cls, body: str | None, info: ValidationInfo) -> str | None:
        """Check the shared content once, so that its fault is not repeated for each recipient."""
        if "media_url" not in info.data:
            return body
        if is_blank(body or "") and not info.data["media_url"]:
            raise fault(RefusalCode.FIELD_MISSING, "body is required without a mediaUrl")
        if body and (length := len(clean(body))) > TEXT_LENGTH_MAX:
            what = f"{length} characters, at most {TEXT_LENGTH_MAX} are allowed"
            raise fault(RefusalCode.CONTENT_TOO_LONG, what)
        return body


class TextinglineBatch(TextinglineSend):
    """Messages to several numbers, each with its own text."""

    model_config = example(
        {
            "from": _SENDER,
            "recipients": [{"to": f"+1415555010{n}", "body": "Hi!"} for n in range(10)],
        }
    )

    recipients: Annotated[list[TextinglineRecipient], _at_most(BATCH_MAX)] = _limits(
        BATCH_MIN, BATCH_MAX
    )


class TextinglineBroadcast(TextinglineContent):
    """One text to many numbers."""

    model_config = example(
        {
            "from": _SENDER,
            "body": "The market opens at nine",
            "recipients": [{"to": f"+14155550{n}"} for n in range(100, 200)],
        }
    )

    recipients: Annotated[list[TextinglineBroadcastRecipient], _at_most(BROADCAST_MAX)] = _limits(
        BROADCAST_MIN, BROADCAST_MAX
    )


class TextinglineMessage(TextinglineContent, _Recipient):
    """One message to one number."""

    model_config = example({"to": _TO, "from": _SENDER, "body": "Your table is ready"})
