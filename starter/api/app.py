"""The HTTP API: one listener for every dialect, the native API and the carriers' news."""

import asyncio
import socket
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from campaign.failures import NoVerdict, ServiceUnavailable, StoreUnavailable
from campaign.settings import Settings
from console.routes import CONSOLE
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from dialects.native.handling import RAISED, stopped
from dialects.registry import DIALECTS
from dialects.renderers import RENDERERS
from service.campaign_watches import CampaignWatches
from service.campaigns import CampaignService
from service.gc_tuning import relax_gc
from service.malloc_tuning import limit_heap, trim_heap
from service.readiness import Readiness, can_serve, readiness_json
from service.temporal import connect
from starter.api.carrier_callbacks import CarrierCalls, PastRouter
from starter.api.carrier_callbacks import routes as carrier_routes
from starter.api.http_protocol import http_protocol
from starter.api.installation_metrics import InstallationMetrics
from starter.api.methods import HeadAsGet, allowed_methods
from starter.api.middleware import RETRY_SECONDS, Answer, Outermost, answerer
from starter.api.openapi import documented_app
from starter.api.reconciler import Reconciler
from starter.api.service_models import Health, ReadinessReport
from store.store import open_store
from telemetry.logs import configure, get_logger
from telemetry.metrics import exposition
from telemetry.temporal_metrics import SDK_METRICS
from webhooks.dispatcher import WebhookDispatcher

log = get_logger("godwit.api")

_UNREADY: dict[int | str, dict[str, Any]] = {
    503: {"description": "A part is unavailable; the body says which", "model": ReadinessReport}
}


def create_app(context: ApiContext) -> FastAPI:
    """Make the application with the routes of every dialect."""
    app = documented_app(_version(), context.settings)
    app.state.context = context = replace(context, event_dialects=RENDERERS)
    routers = [dialect.routes(context) for dialect in (*DIALECTS, CONSOLE)]
    calls = CarrierCalls(context)
    carriers = carrier_routes(calls)
    for router in (*routers, carriers):
        # They are whole: include_router would make each of them once more.
        app.router.routes.extend(router.routes)
    answer = answerer(context)
    _add_service_routes(app, context)
    _add_failures(app, answer)
    app.add_middleware(HeadAsGet, routes=app.routes)
    app.add_middleware(PastRouter, calls=calls, router=carriers, handlers=app.exception_handlers)
    app.add_middleware(Outermost, answer=answer)
    return app


def _add_failures(app: FastAPI, answer: Answer) -> None:
    """Answer what no handler answered, in the format of the dialect that owns the path."""

    async def unavailable(request: Request, error: Exception) -> Response:
        log.warning("a part is not available", exc_info=error)
        reason = str(error) if isinstance(error, NoVerdict) else "temporarily unavailable"
        response = await answer(request, 503, reason)
        response.headers["Retry-After"] = RETRY_SECONDS
        return response

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = await answer(request, error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = allowed_methods(app.routes, request.scope)
        return response

    async def raised(request: Request, error: Exception) -> Response:
        return stopped(error)

    app.add_exception_handler(ServiceUnavailable, unavailable)
    app.add_exception_handler(StoreUnavailable, unavailable)
    app.add_exception_handler(HTTPException, http)
    for kind in RAISED:
        app.add_exception_handler(kind, raised)


def _add_service_routes(app: FastAPI, context: ApiContext) -> None:
    app.state.readiness = readiness = Readiness(context.service, context.store, context.settings)

    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/console", 303)

    @app.get(
        "/healthz",
        operation_id="checkHealth",
        tags=["Service"],
        summary="Check that the process runs",
    )
    async def healthz() -> Health:
        """Checks neither the database nor Temporal."""
        return Health()

    @app.get(
        "/readyz",
        operation_id="checkReadiness",
        tags=["Service"],
        summary="Check that requests can be served",
        responses=_UNREADY,
    )
    async def readyz(response: Response) -> ReadinessReport:
        """503 unless database, Temporal, workers and disk are ready; ``problems`` says why."""
        parts = await readiness.parts()
        response.status_code = 200 if can_serve(parts) else 503
        return ReadinessReport(**readiness_json(parts))

    @app.get(
        "/metrics",
        operation_id="getMetrics",
        tags=["Service"],
        summary="Get the metrics for Prometheus",
        response_class=PlainTextResponse,
    )
    async def metrics() -> PlainTextResponse:
        """The metrics of this process, and what it has last read of the installation.

        Labels are routes, carriers and states, never ids or phone numbers.
        """
        return PlainTextResponse(await asyncio.to_thread(exposition))


class ApiServer(uvicorn.Server):
    """The HTTP server; when it stops, it ends the streams that would keep it."""

    def __init__(self, config: uvicorn.Config, watches: CampaignWatches) -> None:
        super().__init__(config)
        self._watches = watches

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See :class:`uvicorn.Server`."""
        self._watches.close()
        await super().shutdown(sockets)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Opens the store and the service, and closes them."""
    configure()
    limit_heap()
    SDK_METRICS.enable()
    store = open_store(settings)
    try:
        # Lazy: the client connects at the first call.
        client = await connect(settings.temporal_plugin, lazy=True)
        service = CampaignService(client, store, settings)
        dispatcher = WebhookDispatcher(client, settings.task_queue)
        context = ApiContext(settings, store, service, RequestLimiter(settings.rate_limit_storage))
        app = create_app(context)
        config = server_config(app, settings)
        relax_gc()
        beside = (
            Reconciler(service, store, settings, dispatcher).run(),
            InstallationMetrics(app.state.readiness, store, settings).run(),
            SDK_METRICS.drain(),
            trim_heap(),
        )
        tasks = [asyncio.create_task(each) for each in beside]
        try:
            async with dispatcher.serving(store.outbox):
                await ApiServer(config, context.watches).serve()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.close()
    finally:
        store.close()


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Configure the HTTP server; it believes ``X-Forwarded-*`` from the trusted proxies alone."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        http=http_protocol(settings.connections_max),
        access_log=False,
        server_header=False,
        log_config=None,
        log_level=None,
        timeout_graceful_shutdown=10,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


def _version() -> str:
    try:
        return version("godwit")
    except PackageNotFoundError:
        return "0"
