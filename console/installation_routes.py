"""The page about the installation, for the operator: is it stuck, and what is there to do."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.failures import ServiceUnavailable
from campaign.instants import Instant
from campaign.views import CampaignView
from console.handling import Console
from console.installation_words import CURES, PARTS, Condition
from dialects.http.auth import Permission
from service.campaign_workflows import workflow_page
from service.readiness import OK, Readiness
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.sending.carrier_health import CarrierHealth

# Of each kind of campaign.
SHOWN = 10


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about the installation."""
    api = console.api
    store = api.store
    readiness = Readiness(api.service, store, api.settings)

    @router.get("/installation")
    async def show(request: Request) -> Response:
        """Each part of the installation, the worst first."""
        session = await console.enter(request, Permission.ADMINISTER)
        account_id = session.principal.account_id
        parts = await readiness.parts()
        lines = sorted(
            (
                Condition(PARTS[name], part.ready, part.word, CURES[name])
                for name, part in parts.items()
            ),
            key=lambda line: (line.ready, line.word == OK),
        )
        found = store.open_campaigns
        due = await read_in_thread(found.due, account_id, wall_clock(), SHOWN)
        unknown = await read_in_thread(found.unknown, account_id, SHOWN)
        paused = await read_in_thread(halted, account_id)
        drift = sum((await read_in_thread(store.installation.drift)).values())
        bad = [line for line in lines if line.word != OK]
        return console.page(
            request,
            "installation.html",
            lines=lines,
            ok=OK,
            due=[(one, workflow_page(api.settings, one.id)) for one in due],
            bad=bad,
            halted=paused,
            unknown=unknown,
            drift=drift,
            is_calm=not (bad or paused or due or unknown or drift),
            carriers=await carriers(),
            polls=await newest_polls(),
            ui=api.settings.temporal_ui_url,
        )

    def halted(account_id: str) -> list[CampaignView]:
        """The campaigns of an account that Godwit has paused, as they are now."""
        ids = store.open_campaigns.halted(account_id, SHOWN)
        views = (store.campaigns.get(id, account_id) for id in ids)
        return [view for view in views if view is not None]

    async def carriers() -> dict[str, CarrierHealth]:
        """The carriers in use, in the order in which they are tried, each with its health."""
        known = {one.name: one for one in await read_in_thread(store.health.list)}
        return {
            name: known.get(name, CarrierHealth(name, None, None)) for name in api.settings.carriers
        }

    async def newest_polls() -> Mapping[str, Instant | None]:
        """When a worker last asked for work, by queue; empty while Temporal does not answer."""
        try:
            return await api.service.newest_polls()
        except ServiceUnavailable:
            return {}
