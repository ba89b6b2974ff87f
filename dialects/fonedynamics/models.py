"""Fone Dynamics: its requests and answers, as pydantic models (003_9fb2bf36535a4962.txt)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo

from campaign.events import EndpointMethod
from campaign.mail import is_mailable
from campaign.phone import SenderKind, full_number, sender_kind
from campaign.refusals import RefusalCode
from campaign.text import clean
from campaign.web_addresses import ascii_address
from dialects.http.api_model import AnswerModel, example
from dialects.http.faults import Words, fault
from webhooks.addresses import is_private, is_public, read_url

MESSAGES_MAX = 1_000
TEXT_LENGTH_MAX = 1_600
EXTERNAL_ID_MAX = 200
_SPACE = re.compile(r"\s")
_SENDERS = (SenderKind.LONG_CODE, SenderKind.ALPHANUMERIC)
_E164 = "is not in E.164 format"
_EXAMPLE: dict[str, Any] = {
    "From": "+61491570156",
    "To": "+61491570157",
    "Text": "Your table is ready",
}
# What follows the name of the parameter.
WORDS: Words = {
    "string_type": (RefusalCode.FIELD_INVALID, "must be a string"),
    "bool_type": (RefusalCode.FIELD_INVALID, "must be true or false"),
    "Schedule": (RefusalCode.FIELD_INVALID, "must be an integer"),
    "string_too_long": (
        RefusalCode.FIELD_INVALID,
        "is longer than {max_length} characters",
    ),
    "Messages.missing": (RefusalCode.FIELD_MISSING, "Messages parameter is missing or empty"),
    "Messages.too_short": (RefusalCode.FIELD_MISSING, "Messages parameter is missing or empty"),
    "Messages.too_long": (
        RefusalCode.FIELD_INVALID,
        "A batch has at most {max_length} messages",
    ),
    "Messages": (RefusalCode.FIELD_INVALID, "Messages parameter must be an array"),
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a request may name: the account's senders, and addresses inside of the network."""

    owned: Collection[str]
    inside_too: bool


def _sender(written: str) -> str:
    if sender_kind(written) not in _SENDERS:
        what = "is neither in E.164 format nor an alphanumeric sender ID"
        raise fault(RefusalCode.SENDER_INVALID, what)
    return written


def _number(written: str) -> str:
    """A number in E.164 format; invisible characters are dropped."""
    number = None if _SPACE.search(written) else full_number(written)
    if number is None:
        raise fault(RefusalCode.NUMBER_INVALID, _E164)
    return number


def _owned(sender: str, info: ValidationInfo[Allowed]) -> str:
    if sender not in info.context.owned:
        raise fault(RefusalCode.SENDER_NOT_OWNED, "is not assigned to this account")
    return sender


def _address(written: str, info: ValidationInfo[Allowed]) -> str:
    address, inside_too = ascii_address(written), info.context.inside_too
    try:
        literal = read_url(address or "", inside_too).literal
    except ValueError:
        address = None
    else:
        if not (literal is None or is_public(literal) or (inside_too and is_private(literal))):
            address = None
    if address is None:
        raise fault(RefusalCode.FIELD_INVALID, "is not an http or https URI")
    return address


def _method(written: str) -> str:
    # The vendor's own clients write Post.
    if written.upper() not in set(EndpointMethod):
        raise fault(RefusalCode.FIELD_INVALID, "must be POST or GET")
    return written.upper()


def _mailbox(written: str) -> str:
    if not is_mailable(written):
        raise fault(RefusalCode.FIELD_INVALID, "is not an email address")
    return written


Number = Annotated[str, AfterValidator(_number), Field(description="E.164")]
Address = Annotated[str, AfterValidator(_address)]
Method = Annotated[str, AfterValidator(_method), Field(json_schema_extra={"enum": ["POST", "GET"]})]
Mailbox = Annotated[str, AfterValidator(_mailbox)]


class FoneDynamicsMessage(BaseModel, strict=True):
    """One message, which can be scheduled up to 14 days ahead."""

    model_config = example(_EXAMPLE, required=["To", "Text"])

    From: Annotated[str, AfterValidator(_sender)] | None = Field(
        None, description="E.164, alphanumeric, or blank for a leased number"
    )
    To: Number | None = None
    Text: (
        Annotated[
            str,
            AfterValidator(clean),
            Field(json_schema_extra={"minLength": 1, "maxLength": TEXT_LENGTH_MAX}),
        ]
        | None
    ) = None
    Schedule: int | None = Field(None, description="Unix seconds")
    DeliveryReceipt: bool | None = Field(None, description="true unless it is given")
    DeliveryReceiptWebhookUri: Address | None = None
    DeliveryReceiptWebhookMethod: Method | None = None
    ForwardToSms: Number | None = None
    ForwardFromSms: Annotated[str, AfterValidator(_owned)] | None = Field(
        None, description="a sender of the account"
    )
    ForwardToEmail: Mailbox | None = None
    ForwardFromEmail: Mailbox | None = None
    WebhookUri: Address | None = None
    WebhookMethod: Method | None = None
    ExternalId: str | None = Field(None, max_length=EXTERNAL_ID_MAX)


class FoneDynamicsBatch(BaseModel):
    """Several messages, each with its own text and options."""

    model_config = example({"Messages": [_EXAMPLE]})

    Messages: list[FoneDynamicsMessage] = Field(min_length=1, max_length=MESSAGES_MAX)


class FoneDynamicsStoredMessage(AnswerModel):
    """A sent or received message; times are in Unix seconds, each once it is reached."""

    model_config = example(
        {
            "MessageSid": "M87DMNHSDJHSD48DMNSDS6VJCNKD9MD0",
            "AccountSid": "AG5T3HFR5ASD54FS5GB3SDAFJAKSH6DS",
            "PropertySid": "S7DNJ9KJDS0MDS23DKS9QMZ8DKJSD9KL",
            "From": "+61491570156",
            "To": "+61491570157",
            "Text": "Your table is ready",
            "DeliveryReceipt": True,
            "NumSegments": 0,
            "Status": "Processing",
            "Direction": "Transmit",
            "Created": 1506568010,
            "ErrorCode": "",
            "ExternalId": "testid123",
        }
    )

    MessageSid: str
    AccountSid: str
    PropertySid: str
    From: str
    To: str
    Text: str
    DeliveryReceipt: bool
    NumSegments: int
    Status: str
    Direction: Literal["Transmit", "Receive"]
    Created: int
    ErrorCode: str
    ExternalId: str
    Scheduled: int = 0
    Submitted: int = 0
    Delivered: int = 0
    Received: int = 0
    ResponseToMessageSid: str = ""


class FoneDynamicsField(AnswerModel):
    """A field that is wrong."""

    FieldName: str


class FoneDynamicsError(AnswerModel):
    """What is wrong with a request, or with one message of a batch."""

    ErrorCode: str
    Message: str
    Errors: list[FoneDynamicsField] = []


class FoneDynamicsFailure(AnswerModel):
    """The answer to a request that failed as a whole."""

    ResponseStatus: FoneDynamicsError


class FoneDynamicsAnswer(AnswerModel):
    """The answer with one message."""

    Message: FoneDynamicsStoredMessage


FIELDS = list(FoneDynamicsMessage.model_fields)
