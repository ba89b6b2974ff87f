"""``godwit carrier``: the carriers in use, their health and their rates."""

from typing import Annotated

import typer

from campaign.instants import iso_or_none
from campaign.rates import RATE_MAX, carrier_scope
from campaign.settings import Settings
from carriers import CARRIERS
from starter.cli.context import CommandError, opened_store
from starter.cli.output import Json, answer, open_console, print_json

out = open_console()
carrier_app = typer.Typer(no_args_is_help=True, help="List carriers and set their rates.")

Unlimited = Annotated[bool, typer.Option("--unlimited", help="Remove the limit.")]


@carrier_app.command("list")
def list_carriers(as_json: Json = False) -> None:
    """List the configured carriers in the order they are tried, with rate and health."""
    with opened_store() as store:
        rates = store.rates.rates()
        states = {state.name: state for state in store.health.list()}
    shown = []
    for name in Settings().carriers:
        state = states.get(name)
        down_since = None if state is None else state.down_since
        shown.append(
            {
                "name": name,
                "rate": rates.get(carrier_scope(name)),
                "downSince": iso_or_none(down_since),
                "reason": state.reason if state is not None and down_since else None,
            }
        )
    if as_json:
        print_json(shown)
        return
    for one in shown:
        line = str(one["name"])
        if one["rate"] is not None:
            line += f", {one['rate']:g} segments/s"
        if one["downSince"] is not None:
            line += f", down since {one['downSince']}: {one['reason']}"
        out.print(line, highlight=False)


@carrier_app.command("rate")
def set_rate(
    name: Annotated[str, typer.Argument(help="Carrier, as in 'godwit carrier list'.")],
    rate: Annotated[
        float | None, typer.Argument(min=0, max=RATE_MAX, help="Segments per second.")
    ] = None,
    unlimited: Unlimited = False,
    as_json: Json = False,
) -> None:
    """Limit the rate of a carrier, in segments per second over all workers.

    Takes effect within two seconds. --unlimited removes the limit. To send nothing
    is 'godwit stop'.

    Example: godwit carrier rate NAME 100
    """
    check_carrier(name)
    check_rate(rate, unlimited)
    if rate is None and not unlimited:
        raise CommandError("give a rate, or --unlimited for no limit")
    with opened_store() as store:
        store.rates.set_rate(carrier_scope(name), rate)
    text = f"{name}, {rate:g} segments/s" if rate else f"{name}, no rate limit"
    answer({"name": name, "rate": rate}, text, as_json)


def check_rate(rate: float | None, unlimited: bool) -> None:
    """Raise CommandError for a rate of nothing, or one beside --unlimited."""
    if rate is not None and unlimited:
        raise CommandError("give a rate or --unlimited, not both")
    if rate == 0:
        raise CommandError(
            "a rate of 0 is refused: to send nothing use 'godwit stop', for no limit --unlimited"
        )


def read_carriers(text: str) -> str | None:
    """Read a comma-separated order of carriers; None if empty. Raises CommandError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        check_carrier(name)
    return ",".join(names) or None


def check_carrier(name: str) -> None:
    """Raise CommandError if no carrier has this name."""
    if name not in CARRIERS:
        raise CommandError(f"no carrier is named {name!r}; there are: {', '.join(CARRIERS)}")
