"""``godwit activity``: who did what, when and from where."""

import json
from typing import Annotated

import typer

from campaign.activity import Action, ActivityFilter, ActivityView
from campaign.instants import Instant, iso, read_instant
from dialects.native.activity_models import activity_model
from starter.cli.context import CommandError, chosen_account, opened_store, plain
from starter.cli.output import Json, print_json

SHOWN_MAX = 10_000


def activity(
    account: Annotated[
        str | None, typer.Option("--account", help="Account id or name; default: all accounts.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="From this instant on, in ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this instant, in ISO 8601.")] = None,
    actor: Annotated[str | None, typer.Option(help="A key id, operator or system.")] = None,
    action: Annotated[
        Action | None, typer.Option(help="What was done.", show_choices=False)
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Id of what was changed; with --account a number, too.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=SHOWN_MAX, help="Number of actions to show.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """List who did what, when and from where, newest first.

    Numbers of people and texts are not in it: a person is named by a keyed hash.

    Example: godwit activity --account acme --action key.created
    """
    wanted = ActivityFilter(
        _instant("--since", since), _instant("--until", until), actor, action, subject
    )
    with opened_store() as store:
        account_id = chosen_account(store, account).id if account else None
        found = store.activities.list(account_id, wanted, limit)
    if as_json:
        shown = [
            activity_model(one).model_dump(mode="json") | {"accountId": one.account_id}
            for one in found
        ]
        print_json(shown)
        return
    for one in found:
        typer.echo(plain(_line(one)))


def _line(view: ActivityView) -> str:
    actor = view.actor.key_id or view.actor.kind.value
    if view.actor.key_name is not None:
        actor += f" ({view.actor.key_name})"
    origin = f" from {view.actor.address}" if view.actor.address else ""
    parts = [iso(view.at), f"{actor}{origin}", view.action, view.subject or "-"]
    if view.before is not None:
        parts.append(f"before {json.dumps(view.before)}")
    if view.after is not None:
        parts.append(f"after {json.dumps(view.after)}")
    return "  ".join(parts)


def _instant(option: str, written: str | None) -> Instant | None:
    try:
        return None if written is None else read_instant(written)
    except ValueError as error:
        raise CommandError(f"{option} {error}") from None
