"""``godwit sender pool``: the numbers that are leased where a message names no sender."""

import json
from typing import Annotated

import typer
from rich.console import Console

from campaign.phone import OfflineLookup, canonical_number
from starter.cli.context import CommandError, opened_store
from store.clock import wall_clock

out = Console(markup=False, emoji=False)
pool_app = typer.Typer(no_args_is_help=True, help="Numbers that all accounts lease from.")


@pool_app.command("add")
def add_numbers(
    numbers: Annotated[list[str], typer.Argument(help="E.164 with +, as many as you like.")],
) -> None:
    """Put numbers into the pool; those that are in it already stay.

    Example: godwit sender pool add +61488000100 +61488000101
    """
    lookup = OfflineLookup()
    with opened_store() as store:
        for written in numbers:
            number = canonical_number(written) or written
            country = lookup.look_up(number).country
            is_new = store.leases.add_number(number, country, wall_clock())
            out.print(f"{number} {'added' if is_new else 'is there already'}", highlight=False)


@pool_app.command("list")
def list_numbers(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the pool, with the live leases of each number."""
    with opened_store() as store:
        views = store.leases.pool(wall_clock())
    if as_json:
        shown = [
            {"number": view.number, "country": view.country, "leases": view.leases}
            for view in views
        ]
        typer.echo(json.dumps(shown, indent=2))
        return
    for view in views:
        out.print(f"{view.number}  {view.country or '--'}  {view.leases:,} leases", highlight=False)


@pool_app.command("remove")
def remove_number(number: str) -> None:
    """Take a number out of the pool; its leases end, and answers to it are nobody's."""
    with opened_store() as store:
        if not store.leases.remove_number(number):
            raise CommandError("there is no such number in the pool")
    out.print("removed")
