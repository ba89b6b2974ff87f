"""Pages of templates: Jinja2 with escaping of everything, and how numbers and times look."""

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from importlib.resources import files

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from campaign.instants import DAY, HOUR, MINUTE, Instant, iso, moment_of
from console import account_words, campaign_words, charts, navigation, people_words, words
from dialects.http.auth import Permission
from store.clock import wall_clock

CACHED = "public, max-age=31536000, immutable"
_LARGE = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_TIME = Markup('<time datetime="{}" title="{}">{}</time>')


class Pages:
    """The templates and static files of the package."""

    def __init__(self) -> None:
        self.static = {
            one.name: one.read_bytes() for one in (files("console") / "static").iterdir()
        }
        self._versions = {
            name: hashlib.sha256(content).hexdigest()[:12] for name, content in self.static.items()
        }
        self._environment = Environment(
            loader=PackageLoader("console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            number=number,
            numbers=numbers,
            when=when,
            day=day,
            ahead=ahead,
            iso=iso,
            reason=words.reason,
            share=share,
        )
        self._environment.globals.update(
            asset=self._asset,
            account_words=account_words,
            campaign_words=campaign_words,
            charts=charts,
            navigation=navigation,
            people_words=people_words,
            Permission=Permission,
            words=words,
        )

    def answer(self, template: str, status: int, values: Mapping[str, object]) -> Response:
        """A template filled; ``values`` are escaped."""
        return HTMLResponse(self._environment.get_template(template).render(values), status)

    def file(self, name: str) -> Response | None:
        """A static file; None if there is none of this name."""
        content = self.static.get(name)
        if content is None:
            return None
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers={"Cache-Control": CACHED})

    def _asset(self, name: str) -> str:
        """The address of a static file, which changes with its content."""
        return f"/console/static/{name}?v={self._versions[name]}"


def number(count: int | float) -> Markup:
    """A number with separators, which the script writes as the browser's locale does."""
    return Markup('<data value="{}">{}</data>').format(count, f"{count:,}")


def numbers(sentence: str) -> Markup:
    """A sentence in which the script writes large numbers as the browser's locale does."""
    return Markup(
        _LARGE.sub(lambda found: number(int(found[0].replace(",", ""))), escape(sentence))
    )


def share(part: int, whole: int) -> str:
    """A part of a whole in percent; 100 only when all of it is there, and 0 when nothing is."""
    if not whole or not part:
        return "0 %"
    percent = min(max(round(100 * part / whole), 1), 100 if part >= whole else 99)
    return f"{percent} %"


def day(at: Instant) -> str:
    """The UTC day of an instant: "29 Nov 2026"."""
    return f"{moment_of(at).day} {moment_of(at):%b %Y}"


def when(at: Instant | None) -> Markup | str:
    """An instant as "today 14:05" in UTC; the script writes it in the browser's zone."""
    if at is None:
        return ""
    moment, today = moment_of(at), moment_of(wall_clock()).date()
    days = (moment.date() - today).days
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days)
    shown = f"{near or day(at)} {moment:%H:%M}"
    return _TIME.format(iso(at), f"{moment:%Y-%m-%d %H:%M:%S} UTC", f"{shown} UTC")


def ahead(at: Instant) -> str:
    """How long it is until an instant: "in about 25 min"."""
    left = at - wall_clock()
    if left < MINUTE:
        return "in less than a minute"
    if left < 2 * HOUR:
        return f"in about {round(left / MINUTE)} min"
    if left < 2 * DAY:
        return f"in about {round(left / HOUR)} hours"
    return f"in about {round(left / DAY)} days"
