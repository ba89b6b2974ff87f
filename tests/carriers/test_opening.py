"""Opening a carrier: it can be, or says which variables it lacks; never with their values."""

import pytest

from campaign.handoffs import Repeats
from campaign.settings import Settings
from carriers import NotConfigured, open_carrier
from tests.carriers.described import Described
from tests.carriers.descriptions import ALL, VONAGE

NAMES = [described.name for described in ALL]


@pytest.mark.parametrize("described", ALL, ids=NAMES)
async def test_every_carrier_of_the_list_can_be_opened_and_reads_its_receipts(
    described: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    described.set_up(monkeypatch)
    carrier = described.open(1.0)
    assert carrier.name == described.name and carrier.repeats in Repeats
    await carrier.close()
    assert callable(described.module.read_receipts) and callable(described.module.read_inbound)


@pytest.mark.parametrize(
    "described, missing",
    [
        (described, member)
        for described in ALL
        for member in described.environment
        # What only proves calls to us is not needed to send.
        if member not in ("PUBLIC_KEY", "SIGNATURE_SECRET", "WEBHOOK_SECRET")
        and (described.name, member) != ("vonage", "APPLICATION_ID")
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_a_carrier_lacks_is_said_by_its_variable(
    described: Described, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    described.set_up(monkeypatch)
    monkeypatch.setenv(described.prefix() + missing, "")
    with pytest.raises(NotConfigured) as caught:
        described.open(1.0)
    assert described.prefix() + missing in str(caught.value)
    assert not any(value in str(caught.value) for value in described.environment.values())


def test_either_way_of_credentials_will_do_but_one_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(NotConfigured, match="API_KEY.*API_SECRET"):
        open_carrier("vonage", Settings())
    monkeypatch.setenv("GODWIT_CARRIER_VONAGE_APPLICATION_ID", "app-1")
    with pytest.raises(NotConfigured, match="PRIVATE_KEY"):
        open_carrier("vonage", Settings())
    monkeypatch.setenv("GODWIT_CARRIER_VONAGE_PRIVATE_KEY", "not a key at all")
    with pytest.raises(NotConfigured, match="PEM") as caught:
        open_carrier("vonage", Settings())
    assert "not a key at all" not in str(caught.value)


def test_a_secret_that_cannot_sign_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GODWIT_CARRIER_POSTBACK_BASE_URL", "http://127.0.0.1:1")
    for secret in ("whsec_", "whsec_\u00e9", "a"):
        monkeypatch.setenv("GODWIT_CARRIER_POSTBACK_SECRET", secret)
        with pytest.raises(NotConfigured, match="base64"):
            open_carrier("postback", Settings())


def test_settings_keep_their_secrets_to_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    VONAGE.set_up(monkeypatch)
    shown = repr(VONAGE.module.settings_once())  # type: ignore[attr-defined]
    assert "app-1" in shown and "PRIVATE KEY" not in shown
    assert VONAGE.environment["SIGNATURE_SECRET"] not in shown


@pytest.mark.parametrize("url", ["sms.example.com", "https://a.example.com/?x=1", "ftp://a.b", "x"])
def test_a_public_address_is_a_web_address_without_a_query(url: str) -> None:
    with pytest.raises(ValueError, match="public_url"):
        Settings(public_url=url)
    assert Settings(public_url="https://a.example.com/in/").public_url == "https://a.example.com/in"
