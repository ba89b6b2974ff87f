"""``godwit status`` without an id: what ``/readyz`` says, for a person."""

import asyncio
import json
import textwrap
from collections.abc import Mapping

import typer

from service.campaigns import open_campaign_service
from service.readiness import OK, Part, Readiness, readiness_json
from starter.cli.context import find_settings, opened_store, plain

COLUMNS = 79


def installation_status(as_json: bool) -> None:
    """Print each part of the installation; raises typer.Exit with 1 if something is wrong."""
    settings = find_settings()
    with opened_store(settings) as store:

        async def probe() -> Mapping[str, Part]:
            service = await open_campaign_service(settings, store)
            try:
                return await Readiness(service, store, settings).parts()
            finally:
                await service.close()

        parts = asyncio.run(probe())
    if as_json:
        typer.echo(json.dumps(readiness_json(parts), indent=2))
    else:
        for name, part in parts.items():
            state = OK if part.word == OK else ("note" if part.ready else "NOT READY")
            said = "" if part.word == OK else plain(part.word)
            line = f"{name:<9} {state:<9} {said}".rstrip()
            typer.echo(textwrap.fill(line, COLUMNS, subsequent_indent=" " * 20))
    if any(part.word != OK for part in parts.values()):
        raise typer.Exit(1)
