"""Settings of Temporal that cannot be used are said in a sentence."""

from pathlib import Path
from typing import cast
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from campaign.failures import ServiceUnavailable
from service.temporal import (
    SEARCH_ATTRIBUTES,
    InvalidTemporalSettings,
    connect,
    load_plugin,
    register_search_attributes,
    translate_errors,
)


@pytest.mark.parametrize(
    ("content", "variables", "sentence"),
    [
        ("[profile", {}, "unclosed table"),
        ("", {"TEMPORAL_PROFILE": "cloud"}, "Profile 'cloud' not found"),
        ("", {"TEMPORAL_TLS_CLIENT_CERT_PATH": "/no/certificate.pem"}, "/no/certificate.pem"),
    ],
)
async def test_a_profile_or_certificate_that_cannot_be_loaded_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    variables: dict[str, str],
    sentence: str,
) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(content)
    for name, value in {"TEMPORAL_CONFIG_FILE": str(file), **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidTemporalSettings) as raised:
        await connect(lazy=True)
    message = str(raised.value)
    assert message.startswith("the settings TEMPORAL_* or their profile are not valid: ")
    assert sentence in message and "\n" not in message


def test_a_plugin_is_made_from_its_module_and_class() -> None:
    assert load_plugin("tests.encrypting:EncryptingPlugin").name() == "encrypting"


@pytest.mark.parametrize(
    "name",
    [
        "nowhere:Plugin",
        "tests.encrypting:Missing",
        "tests.encrypting",
        ":",
        "pathlib:Path",
        "json:",
    ],
)
def test_what_is_no_plugin_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(InvalidTemporalSettings, match=f"GODWIT_TEMPORAL_PLUGIN={name} "):
        load_plugin(name)


def server(known: set[str] | None) -> Client:
    """A client of a server that lets nobody make search attributes, and may not list them."""
    denied = RPCError("denied", RPCStatusCode.PERMISSION_DENIED, b"")
    listing = Mock(custom_attributes=known) if known is not None else denied
    service = Mock(spec_set=["list_search_attributes", "add_search_attributes"])
    service.list_search_attributes = AsyncMock(side_effect=[listing])
    service.add_search_attributes = AsyncMock(side_effect=denied)
    return cast(Client, Mock(namespace="clinic", operator_service=service))


async def test_search_attributes_that_only_an_administrator_can_make_are_listed() -> None:
    await register_search_attributes(server(set(SEARCH_ATTRIBUTES)))
    # Where they cannot be listed either, nothing can be said of them.
    await register_search_attributes(server(None))
    with pytest.raises(InvalidTemporalSettings) as raised:
        await register_search_attributes(server({"GodwitAccount", "GodwitStatus", "GodwitDialect"}))
    message = str(raised.value)
    assert (
        "'clinic' lacks the search attributes GodwitName=Keyword, GodwitDueAt=Datetime" in message
    )


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (RPCStatusCode.UNAUTHENTICATED, "Temporal refuses these credentials"),
        (RPCStatusCode.PERMISSION_DENIED, "Temporal refuses these credentials"),
        (RPCStatusCode.INVALID_ARGUMENT, "Temporal refuses the call: no such attribute"),
        (RPCStatusCode.UNAVAILABLE, "Temporal does not answer"),
    ],
)
def test_what_temporal_refuses_is_not_taken_for_its_absence(
    status: RPCStatusCode, sentence: str
) -> None:
    refused = RPCError("no such attribute", status, b"")
    with pytest.raises(ServiceUnavailable, match=f"^{sentence}$"):
        with translate_errors(cast(Client, Mock(namespace="clinic"))):
            raise refused
