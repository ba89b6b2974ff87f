"""``godwit sender pool``: numbers leased to messages that name no sender."""

from typing import Annotated

import typer

from campaign.phone import OfflineLookup, canonical_number
from starter.cli.context import CommandError, opened_store
from starter.cli.output import Json, answer, open_console, print_json
from store.clock import wall_clock

out = open_console()
pool_app = typer.Typer(no_args_is_help=True, help="Numbers that all accounts lease from.")


@pool_app.command("add")
def add_numbers(
    numbers: Annotated[list[str], typer.Argument(help="One or more numbers in E.164, with +.")],
    as_json: Json = False,
) -> None:
    """Add numbers to the pool; a number that is in it stays.

    Example: godwit sender pool add +61488000100 +61488000101
    """
    lookup = OfflineLookup()
    shown = []
    with opened_store() as store:
        for written in numbers:
            number = canonical_number(written)
            if number is None:
                raise CommandError(f"{written} is not a number: give + and 7-15 digits")
            country = lookup.look_up(number).country
            is_new = store.leases.add_number(number, country, wall_clock())
            shown.append({"number": number, "country": country, "added": is_new})
            if not as_json:
                said = "added" if is_new else "is already in the pool"
                out.print(f"{number} {said}", highlight=False)
    if as_json:
        print_json(shown)


@pool_app.command("list")
def list_numbers(as_json: Json = False) -> None:
    """List the numbers of the pool with their current leases."""
    with opened_store() as store:
        views = store.leases.pool(wall_clock())
    if as_json:
        print_json(
            [
                {"number": view.number, "country": view.country, "leases": view.leases}
                for view in views
            ]
        )
        return
    for view in views:
        out.print(f"{view.number}  {view.country or '--'}  {view.leases:,} leases", highlight=False)


@pool_app.command("remove")
def remove_number(
    number: Annotated[str, typer.Argument(help="Number in E.164, with +.")], as_json: Json = False
) -> None:
    """Remove a number from the pool and end its leases; replies to it are no longer forwarded."""
    with opened_store() as store:
        if not store.leases.remove_number(canonical_number(number) or number):
            raise CommandError(f"{number} is not in the pool")
    answer({"number": number, "removed": True}, "removed", as_json)
