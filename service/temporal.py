"""Connecting to Temporal, for the desk and the worker alike."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

SEARCH_ATTRIBUTES = {
    "GodwitAccount": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitStatus": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitDialect": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "GodwitDueAt": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


async def connect(lazy: bool = False) -> Client:
    """Connect as ``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE`` and the SDK's other settings say.

    A lazy client connects at its first call, so that a process can start before the server.
    Otherwise raises RuntimeError when the server does not answer.
    """
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


@contextmanager
def _tolerating(*statuses: RPCStatusCode) -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status not in statuses:
            raise
