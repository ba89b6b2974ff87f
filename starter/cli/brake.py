"""``godwit stop`` and ``start``: the emergency brake."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from campaign.instants import iso
from dialects.native.account_models import Brake
from service.campaigns import open_campaign_service
from starter.cli.context import CommandError, chosen_account, find_settings, opened_store
from starter.cli.output import Json, print_json
from starter.cli.words import campaigns_paused
from store.clock import wall_clock
from store.shared.brakes import EVERYTHING, Stop
from store.store import Store

Account = Annotated[
    str | None, typer.Option("--account", help="Account id or name; default: the only account.")
]
Everything = Annotated[bool, typer.Option("--all", help="Every account.")]


def stop(account: Account = None, everything: Everything = False, as_json: Json = False) -> None:
    """Stop all sending of an account, or with --all everything, until 'godwit start'.

    Takes effect within a second, whether Temporal and the API run or not. What was
    handed to a carrier by then cannot be called back. Campaigns are paused and new
    ones wait. The account's own keys cannot end this stop.

    Example: godwit stop --all
    """
    with opened_store() as store:
        account_id = _scope(store, account, everything)
        stopped = store.brakes.stop(account_id, wall_clock(), by_operator=True)
        if as_json:
            print_json(Brake.of_stops([stopped]).json_object())
            return
        say_stops([stopped])
        typer.echo(f"{campaigns_paused(store.brakes.held(account_id))} by it")


def start(account: Account = None, everything: Everything = False, as_json: Json = False) -> None:
    """End a stop; the campaigns that it held go on, moved by its length.

    What a person paused stays paused. With --all, stops of single accounts stay in
    force.
    """
    settings = find_settings()
    with opened_store(settings) as store:
        account_id = _scope(store, account, everything)

        async def work() -> Sequence[Stop]:
            service = await open_campaign_service(settings, store)
            return await service.start(account_id, by_operator=True)

        remaining = asyncio.run(work())
        if as_json:
            print_json(Brake.of_stops(remaining).json_object())
        else:
            if not remaining:
                scope = _named(account_id or EVERYTHING)
                typer.echo(f"sending is not stopped any more for {scope}")
            say_stops(store.brakes.in_force())
    if remaining:
        raise typer.Exit(1)


def say_stops(stops: Sequence[Stop]) -> None:
    """Print a line for each stop that is in force."""
    for stop in stops:
        by = "the operator" if stop.by_operator else "the account"
        ends = "--all" if stop.scope == EVERYTHING else f"--account {stop.scope}"
        typer.echo(
            f"STOPPED  {_named(stop.scope)} since {iso(stop.since)} by {by}: nothing is sent "
            f"until 'godwit start {ends}'"
        )


def _named(scope: str) -> str:
    return "every account" if scope == EVERYTHING else f"account {scope}"


def _scope(store: Store, account: str | None, everything: bool) -> str | None:
    """The id of the account, or None for everything; raises CommandError."""
    if everything and account is not None:
        raise CommandError("give --account or --all, not both")
    return None if everything else chosen_account(store, account).id
