"""The composition root: settings become a store, a carrier and activities, and those one Worker.

Run as ``python -m worker`` or ``godwit worker``.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import (
    FixedSizeSlotSupplier,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerTuner,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.admission import Admission
from activities.attempts import SendingLimits
from activities.carriers import Carriers
from activities.faults import FaultInterceptor
from activities.lifecycle import Lifecycle
from activities.old_names import under_old_names
from activities.options import sending_queue
from activities.planning import Planning
from activities.preparing import Preparing
from activities.sending import Sending
from activities.waiting import Places
from activities.webhook_delivery import WebhookDeliveries
from campaign.deliveries import DeliverySender
from campaign.failures import ServiceUnavailable
from campaign.handoffs import Carrier
from campaign.preparation import PAGE_SIZE
from campaign.settings import Settings
from carriers import open_carrier
from carriers.sandbox import SandboxCarrier
from dialects.renderers import RENDERERS
from service.campaigns import CampaignService
from service.composition import CampaignComposer
from service.gc_tuning import relax_gc
from service.temporal import connect, register_search_attributes, translate_errors
from service.worker_versions import become_current_if_first, deployment_config
from service.workers import GRACEFUL_SHUTDOWN, Crew, EndingWorker
from store.store import Store, open_store
from telemetry.logs import configure, get_logger
from telemetry.metrics_server import serving_metrics
from telemetry.temporal_metrics import SDK_METRICS
from telemetry.tracing_setup import tracing
from webhooks.auto_replies import AutoReplier
from webhooks.client import EgressClient
from webhooks.dispatcher import WebhookDispatcher, webhook_queue
from webhooks.reply_forwarding import ReplyForwarder
from webhooks.sender import WebhookSender
from webhooks.smtp import SmtpMail
from workflows.campaign import CampaignWorkflow
from workflows.webhook_delivery import WebhookDeliveryWorkflow

log = get_logger("godwit.worker")

# What the SDK gives workflow tasks and local activities by default.
OTHER_SLOTS = 100
# A pause or cancel travels with the answer to a heartbeat; a second is soon enough.
HEARTBEAT_THROTTLE = timedelta(seconds=1)
# Pure and heavy to import again for each sandboxed workflow.
PASSED_THROUGH = tuple(
    "activities campaign telemetry pydantic pydantic_core phonenumbers structlog".split()
)


def build_worker(
    client: Client,
    settings: Settings,
    store: Store,
    *carriers: Carrier,
    sandboxed: bool = False,
) -> Crew:
    """Make what runs campaigns in a process; the tests build theirs with it too.

    Chunks that several workers may share come over a task queue of their own: over the
    campaign's, Temporal hands each to the worker that ran the workflow. With ``sandboxed``
    workflows are watched for what would not replay. The caller runs it and closes store and
    carriers afterwards.
    """
    limits = SendingLimits(
        window=settings.chunk_window,
        timeout_seconds=settings.send_timeout_seconds,
        backoff_seconds=settings.retry_backoff_seconds,
        unknown_tries=settings.unknown_tries,
    )
    in_use = Carriers(carriers, SandboxCarrier(settings.send_timeout_seconds))
    shared_queue = sending_queue(settings.task_queue)
    places = {
        queue: Places(settings.worker_activities_max)
        for queue in (settings.task_queue, shared_queue)
    }
    sending = Sending(
        store.campaigns,
        store.sending,
        store.health,
        in_use,
        limits,
        places,
    )
    campaigns = EndingWorker(
        client,
        task_queue=settings.task_queue,
        workflows=[CampaignWorkflow],
        activities=[*_steps(settings, store, in_use), sending.send_chunk],
        activity_executor=ThreadPoolExecutor(settings.worker_activities_max, "bookkeeping"),
        tuner=_tuner(places[settings.task_queue]),
        workflow_runner=make_runner(sandboxed),
        interceptors=[FaultInterceptor()],
        deployment_config=deployment_config(settings),
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        # After a crash, workflow tasks wait in the dead worker's sticky queue this long; one that
        # it was working on waits for ten seconds. In a storm they wait for a living worker, and to
        # read their histories anew would make the storm worse.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=9),
        # In a storm, tasks of the normal queue begin campaigns, and most sticky ones end them.
        nonsticky_to_sticky_poll_ratio=0.6,
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
    )
    chunks = EndingWorker(
        client,
        task_queue=shared_queue,
        activities=[sending.send_chunk],
        interceptors=[FaultInterceptor()],
        deployment_config=deployment_config(settings),
        tuner=_tuner(places[shared_queue]),
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
    )
    return Crew(campaigns, chunks)


def _tuner(places: Places) -> WorkerTuner:
    others = FixedSizeSlotSupplier(OTHER_SLOTS)
    return WorkerTuner.create_composite(
        workflow_supplier=others,
        activity_supplier=places,
        local_activity_supplier=others,
        nexus_supplier=others,
    )


def _steps(settings: Settings, store: Store, carriers: Carriers) -> list[Callable[..., Any]]:
    """The activities of a campaign but for the sending."""
    sources = (store.campaigns, store.plans, store.admissions, store.resolving)
    planning = Planning(*sources, carriers.repeats, settings.chunk_size)
    admission = Admission(store.campaigns, store.admissions, planning)
    lifecycle = Lifecycle(store.campaigns, store.admissions)
    preparing = Preparing(
        store.preparations,
        store.lists,
        store.campaigns,
        store.admissions,
        store.plans,
        admission,
        CampaignComposer(store, settings).page,
        min(PAGE_SIZE, settings.prepare_above),
    )
    steps: list[Callable[..., Any]] = [
        admission.admit_campaign,
        admission.validate_campaign,
        admission.hold_credits,
        admission.plan_campaign,
        planning.find_next_waves,
        planning.requeue_unknown,
        planning.shift_plan,
        planning.change_limits,
        planning.respread_plan,
        planning.end_canary,
        lifecycle.set_status,
        lifecycle.follow_orders,
        lifecycle.count_messages,
        lifecycle.cancel_waiting,
        lifecycle.settle_campaign,
        lifecycle.report_problem,
    ]
    return [*steps, preparing.prepare_campaign, *under_old_names(steps)]


def make_runner(sandboxed: bool) -> WorkflowRunner:
    """Run workflows watched for what would not replay, or a third cheaper.

    The sandbox judges code, never data, so what passes in the tests needs no watch in production.
    """
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def build_webhook_worker(
    client: Client,
    settings: Settings,
    store: Store,
    delivery_sender: DeliverySender,
    sandboxed: bool = False,
) -> Worker:
    """Make the Worker that brings callbacks: another task queue, so other places, than sending's.

    However slow the accounts' servers are, no message waits for them. The caller closes what the
    calls go through afterwards.
    """
    deliveries = WebhookDeliveries(
        store.deliveries, delivery_sender, settings.callback_timeout_seconds
    )
    return EndingWorker(
        client,
        task_queue=webhook_queue(settings.task_queue),
        workflows=[WebhookDeliveryWorkflow],
        activities=[deliveries.deliver],
        max_concurrent_activities=settings.webhook_deliveries_at_once,
        workflow_runner=make_runner(sandboxed),
        interceptors=[FaultInterceptor()],
        deployment_config=deployment_config(settings),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
    )


def build_delivery_sender(
    client: Client, settings: Settings, store: Store, egress: EgressClient
) -> DeliverySender:
    """Make what sends deliveries: to addresses on the web, forwarded replies, and answers."""
    service = CampaignService(client, store, settings)
    smtp_from, timeout_seconds = settings.smtp_from, settings.callback_timeout_seconds
    mail = SmtpMail(settings.smtp_url.get_secret_value(), smtp_from)
    sender = WebhookSender(store.events, egress, RENDERERS)
    forwarder = ReplyForwarder(store, service, mail, smtp_from, sender, timeout_seconds)
    return AutoReplier(store, service, forwarder, timeout_seconds, settings.prices_file)


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way and stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    ready_file = os.environ.get("GODWIT_READY_FILE")
    if ready_file:
        # A pod keeps its files when a container starts again, that of a crashed process too.
        Path(ready_file).unlink(missing_ok=True)
    store = open_store(settings)
    carriers = [open_carrier(name, settings) for name in settings.carriers]
    egress = EgressClient(
        settings.allow_private_urls,
        timeout_seconds=settings.callback_timeout_seconds,
        allow_loopback=settings.allow_loopback,
    )
    if settings.metrics_address:
        SDK_METRICS.enable()
    try:
        try:
            client = await connect(settings.temporal_plugin)
        except RuntimeError as error:
            raise ServiceUnavailable("Temporal does not answer; check TEMPORAL_ADDRESS") from error
        delivery_sender = build_delivery_sender(client, settings, store, egress)
        with translate_errors(client):
            await register_search_attributes(client)
        relax_gc()
        async with (
            serving_metrics(settings.metrics_address),
            build_worker(client, settings, store, *carriers),
            build_webhook_worker(client, settings, store, delivery_sender),
            WebhookDispatcher(client, settings.task_queue).serving(store.outbox),
        ):
            log.info(
                "worker is running", task_queue=settings.task_queue, carriers=settings.carriers
            )
            if settings.worker_build and await become_current_if_first(client, settings):
                log.info("this build is current: it is the first", build=settings.worker_build)
            if ready_file:
                Path(ready_file).touch()
            await stop.wait()
            log.info("worker is stopping: chunks hand back what they have not sent")
    finally:
        await egress.close()
        for carrier in carriers:
            await carrier.close()
        store.close()


def main() -> None:
    """Run the worker on uvloop."""
    import uvloop

    configure()
    with tracing("godwit-worker"):
        uvloop.run(run_worker(Settings()))


if __name__ == "__main__":
    main()
