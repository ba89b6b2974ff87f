"""How the native API shows a dry run."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from campaign.forecast import Forecast
from campaign.instants import SECOND, iso
from campaign.model import Message
from campaign.smart_encoding import replacement_of
from campaign.text import segment
from service.dry_run import DryRun


def dry_run_json(preview: DryRun) -> dict[str, Any]:
    """What a campaign would send, cost and take, or why it is refused."""
    return {
        "dryRun": True,
        "admitted": not preview.refusals,
        "refusals": [asdict(refusal) for refusal in preview.refusals],
        "total": preview.total,
        "toSend": preview.to_send,
        "skipped": [
            {"reason": reason, "count": count}
            for reason, count in sorted(preview.skipped.items(), key=lambda pair: -pair[1])
        ],
        "segments": preview.segments,
        "encodings": _encodings(preview.encodings),
        "ucs2Characters": [
            {
                "character": character,
                "codePoint": f"U+{ord(character):04X}",
                "count": count,
                "replacement": replacement_of(character),
            }
            for character, count in preview.ucs2_characters
        ],
        "credits": asdict(preview.price),
        "available": asdict(preview.available),
        "countries": [asdict(country) for country in preview.countries],
        "forecast": None if preview.forecast is None else _forecast_json(preview.forecast),
        "samples": [_sample_json(message) for message in preview.samples],
    }


def _encodings(counts: Mapping[str, int]) -> dict[str, int]:
    return {encoding: counts.get(encoding, 0) for encoding in ("gsm7", "ucs2")}


def _forecast_json(forecast: Forecast) -> dict[str, Any]:
    return {
        "firstAt": iso(forecast.first_at),
        "lastAt": iso(forecast.last_at),
        "seconds": (forecast.last_at - forecast.first_at) / SECOND,
        "limitedBy": [
            {"what": limit.what, "segmentsPerSecond": limit.segments_per_second}
            for limit in forecast.limits
        ],
        "timeline": [{"at": iso(at), "messages": count} for at, count in forecast.timeline],
    }


def _sample_json(message: Message) -> dict[str, Any]:
    return {
        "to": message.to,
        "text": message.text,
        "segments": message.segments,
        "encoding": segment(message.text).encoding,
    }
