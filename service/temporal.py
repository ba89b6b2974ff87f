"""Connecting to Temporal, and reading its errors, for the service and the worker alike."""

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
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from campaign.failures import ServiceUnavailable
from telemetry.temporal import forward_core_logs

PROBE_TIMEOUT = timedelta(seconds=2)
SEARCH_ATTRIBUTES = {
    "GodwitAccount": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitStatus": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitDialect": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitDueAt": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


def namespace_in_use() -> str:
    """The namespace that ``connect`` takes."""
    return ClientConfig.load_client_connect_config().get("namespace", "default")


async def connect(lazy: bool = False) -> Client:
    """Connect as ``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE`` and the SDK's other settings say.

    A lazy client connects at its first call, so that a process can start before the server.
    Otherwise raises RuntimeError when the server does not answer.
    """
    forward_core_logs()
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "127.0.0.1:7233")
    return await Client.connect(**config, lazy=lazy, data_converter=pydantic_data_converter)


async def register_search_attributes(client: Client) -> None:
    """Make the attributes that the Web UI is searched by; those that exist are left alone.

    Where the client may not administer the server (Temporal Cloud), the operator must have
    made them; that is reported by the first workflow start, not here.
    """
    service = client.operator_service
    known: set[str] = set()
    # A server without visibility cannot list them, but can still take new ones.
    with _tolerating(RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
        listing = ListSearchAttributesRequest(namespace=client.namespace)
        known = set((await service.list_search_attributes(listing)).custom_attributes)
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in known}
    if missing:
        with _tolerating(RPCStatusCode.ALREADY_EXISTS, RPCStatusCode.PERMISSION_DENIED):
            await service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )


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
