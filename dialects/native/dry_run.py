"""A dry run as the native API shows it."""

from collections.abc import Iterator, Mapping
from typing import Any

from campaign.credits import Price
from campaign.csv_cells import csv_lines
from campaign.forecast import Forecast as ForecastRecord
from campaign.instants import SECOND, iso
from campaign.model import Message
from campaign.smart_encoding import replacement_of
from campaign.states import MessageStatus
from campaign.text import segment
from dialects.native.campaign_models import CountryTotal, CreditAmount, Refusal
from dialects.native.dry_run_models import (
    DryRun,
    Encodings,
    Forecast,
    RateLimit,
    Sample,
    SkippedCount,
    TimelineEntry,
    Ucs2Character,
)
from service.dry_run import DryRun as Preview

LINES_AT_ONCE = 1_000
CSV_COLUMNS = (
    "position",
    "to",
    "status",
    "reason",
    "country",
    "encoding",
    "segments",
    "creditsSms",
    "creditsMms",
    "dueAt",
    "text",
)


def dry_run_of(preview: Preview) -> DryRun:
    """What a campaign would send, cost and take, or why it is refused."""
    return DryRun(
        admitted=not preview.refusals,
        refusals=[Refusal.of(refusal) for refusal in preview.refusals],
        total=preview.total,
        to_send=preview.to_send,
        skipped=[
            SkippedCount(reason=reason, count=count)
            for reason, count in sorted(preview.skipped.items(), key=lambda pair: -pair[1])
        ],
        segments=preview.segments,
        encodings=Encodings(
            gsm7=preview.encodings.get("gsm7", 0), ucs2=preview.encodings.get("ucs2", 0)
        ),
        ucs2_characters=[
            Ucs2Character(
                character=character,
                code_point=f"U+{ord(character):04X}",
                count=count,
                replacement=replacement_of(character),
            )
            for character, count in preview.ucs2_characters
        ],
        smart_encoding_saves=preview.smart_encoding_saves,
        credits=CreditAmount.of(preview.price),
        available=CreditAmount.of(preview.available),
        countries=[CountryTotal.of(country) for country in preview.countries],
        forecast=None if preview.forecast is None else _forecast_of(preview.forecast),
        samples=[
            Sample(
                to=message.to,
                text=message.text,
                segments=message.segments,
                encoding=segment(message.text).encoding,
            )
            for message in preview.samples
        ],
    )


def dry_run_json(preview: Preview) -> dict[str, Any]:
    """A dry run as a JSON object."""
    return dry_run_of(preview).json_object()


def dry_run_csv(preview: Preview) -> Iterator[str]:
    """Every recipient of a dry run as a line of CSV, in parts."""
    yield csv_lines(CSV_COLUMNS, ())
    for start in range(0, len(preview.messages), LINES_AT_ONCE):
        messages = preview.messages[start : start + LINES_AT_ONCE]
        yield csv_lines(
            CSV_COLUMNS, [_line(each, preview.skip_reasons) for each in messages], header=False
        )


def _line(message: Message, skip_reasons: Mapping[int, str]) -> dict[str, Any]:
    reason = skip_reasons.get(message.position)
    price = message.price if reason is None else Price()
    status = message.status
    if reason is not None and status is MessageStatus.QUEUED:
        status = MessageStatus.SKIPPED
    return {
        "position": message.position,
        "to": message.to,
        "status": status,
        "reason": reason,
        "country": message.country,
        "encoding": segment(message.text).encoding,
        "segments": message.segments,
        "creditsSms": price.sms,
        "creditsMms": price.mms,
        "dueAt": iso(message.due_at) if reason is None else None,
        "text": message.text,
    }


def _forecast_of(forecast: ForecastRecord) -> Forecast:
    return Forecast(
        first_at=iso(forecast.first_at),
        last_at=iso(forecast.last_at),
        seconds=(forecast.last_at - forecast.first_at) / SECOND,
        limited_by=[RateLimit.of(limit) for limit in forecast.limits],
        timeline=[TimelineEntry(at=iso(at), messages=count) for at, count in forecast.timeline],
    )
