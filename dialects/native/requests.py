"""The native request to create a campaign, read into a draft."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, FailFast, Field, ValidationError

from campaign.credits import NO_CREDITS_MAX, CreditsMax
from campaign.model import (
    FIELD_LENGTH_MAX,
    FIELDS_MAX,
    LISTED_MAX,
    RECIPIENTS_MAX,
    Draft,
    DraftRecipient,
    Duplicates,
    Policy,
    UnknownPolicy,
)
from campaign.names import is_one_line
from campaign.phone import canonical_number
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from dialects.http.payloads import keyed
from dialects.native.canary_models import GuardedBody, read_brake, read_canary
from dialects.native.examples import CAMPAIGN_BODY
from dialects.native.fields import Rate, RequestModel, StrictModel, faults_of, read_instant
from dialects.native.timing import check_time_zone, read_expiry, read_window
from store.accounts.api_keys import Principal

NAME = "native"


class RecipientBody(StrictModel):
    """One number (``to``) or one mailing list, with values that override the campaign's."""

    to: str | None = Field(None, description="E.164 with +")
    mailing_list: str | None = Field(
        None, description="id of a mailing list; each member is a recipient"
    )
    text: str | None = None
    media_url: str | None = None
    sender: str | None = None
    schedule_date_time: str | None = Field(None, description="ISO 8601, UTC without a zone")
    idempotency_key: str | None = None
    reference: str | None = Field(None, max_length=200)
    timezone: str | None = Field(None, description="IANA name of the recipient's time zone")
    fields: dict[str, str] | None = Field(
        None,
        description=f"values for {{{{FIELD}}}} tags: at most {FIELDS_MAX} of "
        f"{FIELD_LENGTH_MAX} characters",
    )


class CreditsMaxBody(RequestModel):
    """The most that a campaign may cost, in credits of each kind; refused above it."""

    sms: int | None = Field(None, ge=0)
    mms: int | None = Field(None, ge=0)


class CampaignBody(GuardedBody):
    """A campaign. Its values hold for every recipient that does not override them."""

    model_config = ConfigDict(json_schema_extra={"examples": [CAMPAIGN_BODY]})

    recipients: Annotated[list[RecipientBody], FailFast()] = Field(
        min_length=1, max_length=RECIPIENTS_MAX
    )
    name: str | None = Field(None, max_length=200, description="one line of text")
    sender: str | None = Field(None, description="default: the account's first sender")
    text: str | None = None
    media_url: str | None = None
    schedule_date_time: str | None = Field(None, description="ISO 8601, UTC without a zone")
    spread_hours: float = Field(
        0.0, ge=0, description="hours to spread over, up to 336 unless the installation says else"
    )
    rate: Rate | None = None
    idempotency_key: str | None = None
    exclude_duplicates: bool = True
    exclude_opt_outs: bool = True
    shorten_urls: bool = Field(False, description="replace links by a short link per recipient")
    smart_encoding: bool = Field(
        False,
        description="replace typographic characters where the whole text then fits GSM-7, which "
        "takes fewer segments",
    )
    unknown_policy: UnknownPolicy = Field(
        UnknownPolicy.HOLD,
        strict=False,
        description="for messages in state unknown: hold, or resend",
    )
    credits_max: CreditsMaxBody | None = Field(
        None, description="the most that the campaign may cost; it is refused with its price above"
    )


def read(body: Any, principal: Principal) -> Draft:
    """Read a create request; raises Refused with every fault and its place."""
    try:
        parsed = CampaignBody.model_validate(body)
    except ValidationError:
        raise Refused(*_faults(body)) from None
    faults: list[Refusal] = []
    recipients = []
    for index, recipient in enumerate(parsed.recipients):
        place = f"recipients[{index}]"
        to = _number(recipient, place, faults)
        fields = recipient.fields or {}
        _check_fields(fields, f"{place}.fields", faults)
        check_time_zone(recipient.timezone, place, faults)
        recipients.append(
            DraftRecipient(
                to=to,
                mailing_list=recipient.mailing_list and recipient.mailing_list.lower(),
                text=recipient.text,
                media_url=recipient.media_url,
                sender=recipient.sender,
                scheduled_at=read_instant(recipient.schedule_date_time, place + ".", faults),
                key=recipient.idempotency_key,
                reference=recipient.reference,
                fields=fields,
                time_zone=recipient.timezone,
            )
        )
    scheduled_at = read_instant(parsed.schedule_date_time, "", faults)
    window = read_window(parsed.window, faults)
    expires_at = read_expiry(parsed.expires_at, faults)
    canary, brake = read_canary(parsed.canary, faults), read_brake(parsed.brake, faults)
    if parsed.name is not None and not is_one_line(parsed.name):
        what = "must be one line, without control characters"
        faults.insert(0, Refusal(RefusalCode.FIELD_INVALID, what, "name"))
    if faults:
        raise Refused(*faults[:SHOWN_MAX])
    draft = Draft(
        account_id=principal.account_id,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            duplicates=Duplicates.SKIP if parsed.exclude_duplicates else Duplicates.ALLOW,
            listed_max=LISTED_MAX,
        ),
        name=parsed.name,
        sender=parsed.sender,
        text=parsed.text,
        media_url=parsed.media_url,
        scheduled_at=scheduled_at,
        spread_hours=parsed.spread_hours,
        rate=parsed.rate,
        exclude_opt_outs=parsed.exclude_opt_outs,
        shorten_urls=parsed.shorten_urls,
        unknown_policy=parsed.unknown_policy,
        smart_encoding=parsed.smart_encoding,
        purpose=parsed.purpose,
        window=window,
        expires_at=expires_at,
        validity_seconds=parsed.validity_seconds,
        credits_max=_credits_max(parsed.credits_max),
        canary=canary,
        brake=brake,
    )
    return keyed(draft, principal, body, parsed.idempotency_key)


def _credits_max(body: CreditsMaxBody | None) -> CreditsMax:
    return NO_CREDITS_MAX if body is None else CreditsMax(body.sms, body.mms)


class _Head(CampaignBody):
    recipients: list[Any] = Field(min_length=1, max_length=RECIPIENTS_MAX)


def _faults(body: Any) -> list[Refusal]:
    """The first faults of a body; one recipient at a time, because all faults could fill memory."""
    faults: list[Refusal] = []
    entries = body.get("recipients") if isinstance(body, dict) else None
    if isinstance(entries, list) and len(entries) <= RECIPIENTS_MAX:
        for index, entry in enumerate(entries):
            try:
                RecipientBody.model_validate(entry)
            except ValidationError as error:
                faults += faults_of(error, f"recipients[{index}]")
                if len(faults) >= SHOWN_MAX:
                    return faults[:SHOWN_MAX]
    try:
        _Head.model_validate(body)
    except ValidationError as error:
        faults += faults_of(error)
    return faults[:SHOWN_MAX]


def _number(recipient: RecipientBody, place: str, faults: list[Refusal]) -> str:
    """The number of a recipient in E.164; empty for a mailing list and for a fault."""
    number = None
    if recipient.to is None and recipient.mailing_list is None:
        what = "needs either to or mailingList"
        faults.append(Refusal(RefusalCode.FIELD_MISSING, what, f"{place}.to"))
    elif recipient.to is not None and recipient.mailing_list is not None:
        what = "must not be given together with to"
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, f"{place}.mailingList"))
    elif recipient.to is not None and (number := canonical_number(recipient.to)) is None:
        what = "must be a phone number in international format"
        faults.append(Refusal(RefusalCode.NUMBER_INVALID, what, f"{place}.to"))
    return number or ""


def _check_fields(fields: Mapping[str, str], place: str, faults: list[Refusal]) -> None:
    if len(fields) > FIELDS_MAX:
        what = f"must have at most {FIELDS_MAX} fields"
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, place))
    elif fields and max(map(len, fields.values())) > FIELD_LENGTH_MAX:
        what = f"field values must have at most {FIELD_LENGTH_MAX} characters"
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, place))
