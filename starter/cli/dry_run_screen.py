"""What ``godwit send --dry-run`` shows: who gets what, when, and for how many credits."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.table import Table

from campaign.credits import CreditKind, Price
from campaign.explaining import reason_in_words
from campaign.forecast import in_words
from campaign.instants import HOUR, Instant
from campaign.model import Draft, Message
from campaign.refusals import Refusal
from campaign.sending_windows import hours_of
from campaign.smart_encoding import replacement_of
from campaign.text import segment
from service.dry_run import DryRun
from spreadsheets.people import Fault
from starter.cli.context import plain
from starter.cli.words import when

# Lines of one kind that are shown; a last line counts the others.
LINES_MAX = 8
SAMPLES_MAX = 3
SAMPLE_LENGTH_MAX = 320
Row = tuple[str, str]


def dry_run_table(preview: DryRun, draft: Draft, faults: Sequence[Fault], now: Instant) -> Table:
    """A dry run as a table of labels and facts, readable at a width of 80 columns.

    ``draft`` is the composed one, and ``faults`` are those of the rows that are left out of it.
    """
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for part in (
        _verdict(preview.refusals),
        _recipients(preview, faults),
        _price(preview),
        _characters(preview, draft),
        _countries(preview),
        _departures(preview, draft, now),
        _samples(preview.samples),
    ):
        rows = list(part)
        for row in rows:
            table.add_row(*row)
        if rows:
            table.add_row()
    return table


def price_in_words(preview: DryRun) -> str:
    """What is sent for how many credits, in one line."""
    skipped = preview.total - preview.to_send
    return (
        f"{preview.to_send:,} messages in {preview.segments:,} segments for "
        f"{_credits(preview.price)}" + (f"; {skipped:,} are skipped" if skipped else "")
    )


def _verdict(refusals: Sequence[Refusal]) -> Iterator[Row]:
    if not refusals:
        yield "Dry run", "nothing is sent or paid; the campaign can be sent as it is"
        return
    yield "Dry run", "nothing is sent or paid; the campaign would be refused:"
    for refusal in refusals[:LINES_MAX]:
        place = f"{plain(refusal.place)}: " if refusal.place else ""
        yield "", f"- {place}{plain(refusal.message)}"
    yield from _more(len(refusals), "reasons")


def _credits(price: Price) -> str:
    parts = [f"{price.of(kind):,} {kind.upper()} credits" for kind in CreditKind if price.of(kind)]
    return " and ".join(parts) or "no credits"


def _recipients(preview: DryRun, faults: Sequence[Fault]) -> Iterator[Row]:
    # A row is left out for its first fault.
    by_line: dict[int, Fault] = {}
    for fault in faults:
        by_line.setdefault(fault.line, fault)
    reasons = Counter({reason_in_words(code): count for code, count in preview.skipped.items()})
    reasons.update(_fault_in_words(fault) for fault in by_line.values())
    total = preview.total + len(by_line)
    yield "Recipients", f"{preview.to_send:,} of {total:,} get a message"
    if reasons:
        yield "Left out", f"{reasons.total():,}, because"
    for reason, count in reasons.most_common(LINES_MAX):
        yield "", f"{count:>6,}  {reason}"
    yield from _more(len(reasons), "reasons")


def _fault_in_words(fault: Fault) -> str:
    column = f"{plain(fault.column)}: " if fault.column else ""
    return f"{column}{plain(fault.message)}"


def _price(preview: DryRun) -> Iterator[Row]:
    mms = preview.price.mms
    kinds = f", {mms:,} of them MMS" if mms else ""
    yield "Messages", f"{preview.to_send:,} in {_segments(preview.segments)}{kinds}"
    yield "Price", _credits(preview.price)
    yield "Available", _credits(preview.available)


def _characters(preview: DryRun, draft: Draft) -> Iterator[Row]:
    gsm7, ucs2 = (preview.encodings.get(name, 0) for name in ("gsm7", "ucs2"))
    if preview.to_send:
        yield "Encodings", f"{gsm7:,} texts are GSM-7: up to 160 characters in one segment"
    if ucs2:
        yield "", f"{ucs2:,} texts are UCS-2: up to 70, because of other characters"
    characters = preview.ucs2_characters
    if characters:
        yield "Characters", "that GSM-7 lacks, and what smartEncoding writes instead"
    for character, count in characters[:LINES_MAX]:
        name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
        shown = character if character.isprintable() and not character.isspace() else "\u00b7"
        replacement = replacement_of(character)
        becomes = "no replacement" if replacement is None else _quoted(replacement)
        yield "", f"{count:>6,} x {shown}  {name}: {becomes}"
    yield from _more(len(characters), "characters")
    if saved := preview.smart_encoding_saves:
        verb = "saves" if draft.smart_encoding else "would save"
        yield "", f"smartEncoding {verb} {_segments(saved)}"


def _quoted(replacement: str) -> str:
    return {"": "nothing", " ": "a space"}.get(replacement, replacement)


def _countries(preview: DryRun) -> Iterator[Row]:
    label = "Countries"
    for one in preview.countries[:LINES_MAX]:
        country = one.country or "unknown"
        what = f"{_count(one.messages, 'message')} in {_segments(one.segments)}"
        yield label, f"{country}  {what} for {_credits(one.credits)}"
        label = ""
    yield from _more(len(preview.countries), "countries")


def _departures(preview: DryRun, draft: Draft, now: Instant) -> Iterator[Row]:
    forecast = preview.forecast
    if forecast is None:
        return
    yield "First leaves", when(forecast.first_at, now)
    yield "Last leaves", when(forecast.last_at, now)
    limits = []
    if draft.spread_hours:
        limits.append(f"the spread over {in_words(round(draft.spread_hours * HOUR))}")
    if hours_of(draft.purpose, draft.window) is not None:
        limits.append("the hours at which recipients may get messages")
    limits += [
        f"the rate of {plain(limit.what)}: {limit.segments_per_second:g} segments/s"
        for limit in forecast.limits
    ]
    yield "Limited by", "; ".join(limits) or "nothing"


def _samples(samples: Sequence[Message]) -> Iterator[Row]:
    for number, message in enumerate(samples[:SAMPLES_MAX], 1):
        encoding = {"gsm7": "GSM-7", "ucs2": "UCS-2"}[segment(message.text).encoding]
        yield (
            f"Sample {number}",
            f"to {plain(message.to)}, {_segments(message.segments)}, {encoding}",
        )
        text = message.text
        if len(text) > SAMPLE_LENGTH_MAX:
            text = f"{text[:SAMPLE_LENGTH_MAX]} ..."
        yield "", "\n".join(plain(line) for line in text.splitlines())
        if message.media_url is not None:
            yield "", f"with {plain(message.media_url)}"


def _segments(count: int) -> str:
    return _count(count, "segment")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _more(count: int, what: str) -> Iterator[Row]:
    if count > LINES_MAX:
        yield "", f"and {count - LINES_MAX:,} other {what}"
