"""A dry run as the native API shows it."""

from typing import Any

from campaign.forecast import Forecast as ForecastRecord
from campaign.instants import SECOND, iso
from campaign.smart_encoding import replacement_of
from campaign.text import segment
from dialects.native.campaign_models import CreditAmount, Refusal
from dialects.native.dry_run_models import (
    CountryCount,
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
        credits=CreditAmount.of(preview.price),
        available=CreditAmount.of(preview.available),
        countries=[CountryCount.of(country) for country in preview.countries],
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


def _forecast_of(forecast: ForecastRecord) -> Forecast:
    return Forecast(
        first_at=iso(forecast.first_at),
        last_at=iso(forecast.last_at),
        seconds=(forecast.last_at - forecast.first_at) / SECOND,
        limited_by=[RateLimit.of(limit) for limit in forecast.limits],
        timeline=[TimelineEntry(at=iso(at), messages=count) for at, count in forecast.timeline],
    )
