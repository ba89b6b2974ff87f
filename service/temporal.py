"""Connecting to Temporal, and reading its errors, for the service and the worker alike."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Plugin, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from campaign.failures import ServiceUnavailable
from telemetry.temporal import forward_core_logs
from telemetry.tracing_setup import temporal_plugins

PROBE_TIMEOUT = timedelta(seconds=2)
SEARCH_ATTRIBUTES = {
    "GodwitAccount": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitStatus": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitDialect": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitName": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitDueAt": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


class InvalidTemporalSettings(Exception):
    """Temporal cannot be used as it is set up; the text says what to change."""

    loggable = True


def namespace_in_use() -> str:
    """The namespace that ``connect`` takes."""
    return ClientConfig.load_client_connect_config().get("namespace", "default")


async def connect(plugin: str = "", lazy: bool = False) -> Client:
    """Connect as ``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE`` and the SDK's other settings say.

    Args:
        plugin: ``module:Class`` of a ``temporalio.plugin.SimplePlugin``, such as one with a
            codec; it configures the client, and each worker that is made with the client.
        lazy: connect at the first call, so that a process can start before the server.

    Raises:
        InvalidTemporalSettings: for a profile, certificate or plugin that cannot be loaded.
        RuntimeError: when the server does not answer, unless ``lazy``.
    """
    forward_core_logs()
    plugins = [*([load_plugin(plugin)] if plugin else []), *temporal_plugins()]
    try:
        config = ClientConfig.load_client_connect_config()
    except (RuntimeError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InvalidTemporalSettings(
            f"the settings TEMPORAL_* or their profile are not valid: {reason}"
        ) from error
    config.setdefault("target_host", "127.0.0.1:7233")
    return await Client.connect(
        **config,
        lazy=lazy,
        data_converter=pydantic_data_converter,
        plugins=plugins,
        # The calls are small and many: to compress them costs more than it saves.
        grpc_compression=GrpcCompression.NONE,
    )


def load_plugin(name: str) -> Plugin:
    """Make the plugin ``module:Class``; raises InvalidTemporalSettings where it is none."""
    module, _, attribute = name.partition(":")
    try:
        plugin = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InvalidTemporalSettings(
            f"GODWIT_TEMPORAL_PLUGIN={name} cannot be loaded as module:Class: {error}"
        ) from error
    if not isinstance(plugin, Plugin):
        raise InvalidTemporalSettings(
            f"GODWIT_TEMPORAL_PLUGIN={name} is no plugin: derive it from SimplePlugin"
        )
    return plugin


async def register_search_attributes(client: Client) -> None:
    """Make the attributes that the Web UI is searched by; those that exist are left alone.

    Raises InvalidTemporalSettings where some are missing and the client may not make them, as on
    Temporal Cloud: without them every campaign would stop at its first step.
    """
    service = client.operator_service
    known: set[str] | None = None
    # A server without visibility cannot list them, but can still take new ones.
    with _tolerating(RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
        listing = ListSearchAttributesRequest(namespace=client.namespace)
        known = set((await service.list_search_attributes(listing)).custom_attributes)
    missing = {
        name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in (known or set())
    }
    if not missing:
        return
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        with _tolerating(RPCStatusCode.ALREADY_EXISTS):
            await service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.PERMISSION_DENIED:
            raise
        if known is not None:
            raise InvalidTemporalSettings(
                f"the namespace {client.namespace!r} lacks the search attributes "
                f"{', '.join(map(search_attribute, missing))}, and these credentials may not "
                "make them: ask an administrator to"
            ) from error


def search_attribute(name: str) -> str:
    """A search attribute with its type, as Temporal's command line takes it: ``Name=Keyword``."""
    kind = IndexedValueType.Name(SEARCH_ATTRIBUTES[name]).rpartition("_")[2]
    return f"{name}={kind.capitalize()}"


class WorkflowNotFound(Exception):
    """No run of this workflow is open: there was none, or it is closed, or was deleted."""


@contextmanager
def translate_errors(client: Client) -> Iterator[None]:
    """Raise WorkflowNotFound or ServiceUnavailable for what a call to Temporal raises.

    The server says NOT_FOUND for a missing namespace too, which says nothing of any workflow and
    is a fault of the settings: ServiceUnavailable names it. An update that the workflow refused
    raises WorkflowUpdateFailedError as ever.
    """
    try:
        yield
    except RPCError as error:
        if is_missing_namespace(error):
            reason = f"the namespace {client.namespace!r} does not exist"
            raise ServiceUnavailable(reason) from error
        if error.status is RPCStatusCode.NOT_FOUND:
            raise WorkflowNotFound from error
        if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED):
            raise ServiceUnavailable("Temporal refuses these credentials") from error
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise ServiceUnavailable(f"Temporal refuses the call: {error.message}") from error
        raise ServiceUnavailable("Temporal does not answer") from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise ServiceUnavailable("no answer in time") from error
    except RuntimeError as error:
        # What the SDK raises when it cannot connect.
        raise ServiceUnavailable("Temporal does not answer") from error


def is_late(error: ServiceUnavailable) -> bool:
    """Tell whether Temporal was reached and what it should have brought did not come in time."""
    return isinstance(error.__cause__, TimeoutError | WorkflowUpdateRPCTimeoutOrCancelledError)


def is_missing_namespace(error: RPCError) -> bool:
    """Tell whether the server answered that it does not have the namespace."""
    return any(
        detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details
    )


async def is_ready(client: Client) -> bool:
    """Tell whether Temporal answers and has the client's namespace."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=PROBE_TIMEOUT)
    except RPCError as error:
        # A client that may not describe the namespace was at least told so.
        return error.status is RPCStatusCode.PERMISSION_DENIED
    except RuntimeError:
        return False
    return True


@contextmanager
def _tolerating(*statuses: RPCStatusCode) -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status not in statuses:
            raise
