"""``godwit webhook``: the webhooks of an account, through the HTTP API."""

import time
from typing import Annotated, Any

import typer

from campaign.events import NATIVE
from campaign.instants import iso
from starter.cli.api_access import event_names, open_api, request
from starter.cli.context import CommandError, plain
from starter.cli.output import Json, open_console, print_json
from store.clock import wall_clock

LOOK_SECONDS = 0.25
# A delivery begins within a second; its deadline is a quarter of a minute.
TEST_SECONDS = 30.0

webhook_app = typer.Typer(
    no_args_is_help=True,
    help="Manage webhooks, with the key of the running stack or of GODWIT_API and GODWIT_BEARER.",
)
out = open_console()
Id = Annotated[str, typer.Argument(help="Id of the webhook; see 'godwit webhook list'.")]


@webhook_app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(help="http or https URL that gets the events.")],
    events: Annotated[
        list[str] | None,
        typer.Option("--events", help="Events, separated by commas; repeatable. Default: all."),
    ] = None,
    dialect: Annotated[str, typer.Option(help="The API whose format the events have.")] = NATIVE,
    as_json: Json = False,
) -> None:
    """Add a webhook and print its signing secret once.

    Example: godwit webhook add https://example.com/godwit --events 'message.*,campaign.*'
    """
    wanted = {"url": url, "events": event_names(events), "dialect": dialect}
    with open_api() as api:
        added = request(api, "POST", "/v1/webhooks", wanted)
    if as_json:
        print_json(added)
        return
    out.print(f"id              {added['id']}", highlight=False)
    out.print(f"signing secret  {added['secret']}", highlight=False)
    out.print("Keep the secret: it is not shown again.", style="dim")


@webhook_app.command("list")
def list_webhooks(as_json: Json = False) -> None:
    """List webhooks with their events, oldest first."""
    with open_api() as api:
        found = request(api, "GET", "/v1/webhooks")["webhooks"]
    if as_json:
        print_json(found)
        return
    for webhook in found:
        line = f"{webhook['id']}  {webhook['url']}  {' '.join(webhook['events'])}"
        if webhook["dialect"] != NATIVE:
            line += f"  {webhook['dialect']}"
        if webhook["disabledAt"]:
            line += f"  disabled since {webhook['disabledAt']}"
        out.print(plain(line), highlight=False)


@webhook_app.command("test")
def test_webhook(id: Id, as_json: Json = False) -> None:
    """Deliver the event webhook.test and wait for the answer.

    Exit code 1 unless the first try was answered with 2xx.
    """
    with open_api() as api:
        delivery = request(api, "POST", f"/v1/webhooks/{id}/test")
        until = time.monotonic() + TEST_SECONDS
        while not _is_tried(delivery) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            delivery = request(api, "GET", f"/v1/webhooks/{id}/deliveries/{delivery['id']}")
    if as_json:
        print_json(delivery)
    elif delivery["status"] == "delivered":
        out.print(f"delivered, answered with {delivery['lastCode']}", highlight=False)
    elif not _is_tried(delivery):
        raise CommandError("the test was not delivered yet: does a worker run?")
    else:
        out.print(f"not delivered: {delivery['lastCode']}", highlight=False)
    if delivery["status"] != "delivered":
        raise typer.Exit(1)


@webhook_app.command("replay")
def replay_events(
    id: Id,
    since: Annotated[str, typer.Option(help="From then on; ISO 8601, UTC without a zone.")],
    until: Annotated[str | None, typer.Option(help="Until before then. Default: now.")] = None,
    as_json: Json = False,
) -> None:
    """Deliver past events again, under the ids that they had.

    Example: godwit webhook replay whk_5Jq2 --since 2026-03-01T09:00:00Z
    """
    body = {"since": since, "until": until or iso(wall_clock())}
    with open_api() as api:
        replayed = request(api, "POST", f"/v1/webhooks/{id}/replay", body)
    if as_json:
        print_json(replayed)
        return
    out.print(f"{replayed['replayed']:,} deliveries are repeated", highlight=False)


def _is_tried(delivery: dict[str, Any]) -> bool:
    """Whether a first try has ended."""
    return delivery["status"] != "waiting" or delivery["lastCode"] is not None
