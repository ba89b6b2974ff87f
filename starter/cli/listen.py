"""``godwit listen``: events as they happen, forwarded to an address on this machine."""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from campaign.events import NATIVE
from starter.cli.api_access import content_of, event_names, open_api
from starter.cli.context import CommandError, plain
from starter.cli.output import open_console

Json = dict[str, Any]
# As the workers call webhooks.
FORWARD_SECONDS = 15.0
WAIT_SECONDS = 5.0
RETRY_SECONDS = 1.0
GONE = 410

out = open_console()


def listen(
    forward_to: Annotated[
        str | None,
        typer.Option(
            "--forward-to", help="URL that gets each event; without it, events are only shown."
        ),
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events", help="Events to listen for, separated by commas; repeatable. Default: all."
        ),
    ] = None,
    dialect: Annotated[str, typer.Option(help="The API whose format the events have.")] = NATIVE,
    data: Annotated[
        Path | None, typer.Option(help="Data directory of the stack; default: $GODWIT_DATA.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
) -> None:
    """Show events as they happen and forward them, signed, to a local address.

    Works with the running stack, or with any installation that GODWIT_API and
    GODWIT_BEARER (or GODWIT_KEY_ID and GODWIT_KEY_SECRET) name. An event that is
    not answered with 2xx is forwarded again when a webhook would be called again.
    The signing secret stays the same for a key. Ctrl-C ends it.

    Example: godwit listen --forward-to http://localhost:3000/webhooks
    """
    url = _read_target(forward_to)
    subscription = {"events": event_names(events), "dialect": dialect}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open_api(data) as api, httpx.Client(timeout=FORWARD_SECONDS, trust_env=False) as local:
        _Session(api, local, url, subscription, as_json).run()


def _read_target(forward_to: str | None) -> str | None:
    if forward_to is None:
        return None
    url = forward_to if "://" in forward_to else f"http://{forward_to}"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise CommandError("--forward-to must be an http or https URL")
    return url


@dataclass
class _Session:
    """One run: a listener is opened, asked for deliveries, and closed in the end."""

    api: httpx.Client
    local: httpx.Client
    url: str | None
    subscription: Json
    as_json: bool

    def run(self) -> None:
        """Forward events until interrupted; raises CommandError when that is no longer possible."""
        while True:
            with self._opened() as listener:
                self._show_listener(listener)
                self._forward_all(listener)
            sys.stderr.write("godwit: the listener has ended; another one begins\n")

    @contextmanager
    def _opened(self) -> Iterator[Json]:
        listener = self._post("/v1/listeners", self.subscription)
        if listener is None:
            raise CommandError("this API has no listeners: is it an older version?")
        try:
            yield listener
        finally:
            with contextlib.suppress(httpx.HTTPError):
                self.api.delete(f"/v1/listeners/{listener['id']}", timeout=WAIT_SECONDS)

    def _forward_all(self, listener: Json) -> None:
        """Forward deliveries until the listener has ended."""
        reports: list[Json] = []
        while True:
            asked = {"reports": reports, "waitSeconds": WAIT_SECONDS}
            fetched = self._post(f"/v1/listeners/{listener['id']}/deliveries", asked)
            if fetched is None:
                return
            if any(report.get("status") == GONE for report in reports):
                raise CommandError("the address answered 410, which disables a webhook")
            reports = [self._forward(delivery) for delivery in fetched["deliveries"]]

    def _forward(self, delivery: Json) -> Json:
        """Forward one delivery; what to report of it."""
        report = {"id": delivery["id"], "tries": delivery["tries"]}
        status, fault = 200, ""
        if self.url is not None:
            try:
                answer = self.local.post(
                    self.url, content=delivery["body"].encode(), headers=delivery["headers"]
                )
                status = answer.status_code
            except httpx.HTTPError as error:
                status, fault = 0, type(error).__name__
        self._show_delivery(delivery, status, fault)
        return report | ({"status": status} if status else {})

    def _post(self, path: str, body: Json) -> Json | None:
        """What the API answers, None for 404; tries again while the API is not available."""
        is_waiting = False
        while True:
            try:
                answer = self.api.post(path, json=body)
            except httpx.TransportError as error:
                fault = type(error).__name__
            else:
                if answer.status_code == 404:
                    return None
                if answer.status_code < 500 and answer.status_code != 429:
                    shown: Json = content_of(answer)
                    return shown
                fault = str(answer.status_code)
            if not is_waiting:
                sys.stderr.write(f"godwit: the API is not available ({fault}); trying again\n")
            is_waiting = True
            time.sleep(RETRY_SECONDS)

    def _show_listener(self, listener: Json) -> None:
        if self.as_json:
            typer.echo(json.dumps(listener))
            return
        out.print(f"signing secret  {listener['secret']}", highlight=False)
        target = self.url or "nowhere; --forward-to names an address"
        out.print(f"forwarding to   {target}", highlight=False)

    def _show_delivery(self, delivery: Json, status: int, fault: str) -> None:
        if self.as_json:
            forwarded = {"forwardedTo": self.url, "status": status or None}
            typer.echo(json.dumps(delivery | forwarded))
            return
        answered = (str(status) if status else fault) if self.url else ""
        words = [f"{datetime.now():%H:%M:%S}", f"{delivery['event']:<20}", _about(delivery)]
        if delivery["tries"] > 1:
            words.append(f"try {delivery['tries']}")
        out.print(plain("  ".join([*words, answered])).rstrip(), highlight=False)


def _about(delivery: Json) -> str:
    """Whom a delivery is about: recipient and place, else what there is."""
    try:
        data = json.loads(delivery["body"]).get("data", {})
    except (ValueError, AttributeError):
        data = {}
    words = [str(data[name]) for name in ("to", "from", "number", "status") if data.get(name)]
    if delivery["campaignId"]:
        place = f"[{data['position']}]" if "position" in data else ""
        words.append(f"{delivery['campaignId']}{place}")
    return "  ".join(words)
