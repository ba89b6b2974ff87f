"""Vonage's own: tokens in both directions, kinds of media, and what statuses say."""

import json
import time
from collections.abc import Mapping

import jwt
import pytest
from pydantic import SecretStr

from campaign.failures import CarrierFailure, PermanentFailure, TemporaryFailure
from campaign.handoffs import CarrierCall, Forged
from carriers import vonage
from carriers.vonage import TOKEN_SECONDS, VonageCarrier, VonageSettings
from tests.carriers.described import PUBLIC_URL, handoff, headers_of, result
from tests.carriers.descriptions import VONAGE, VONAGE_PEM, VONAGE_SECRET, vonage_call, vonage_token
from tests.carriers.servers import Call, serving

RECEIPT = {"message_uuid": "v-1", "status": "delivered", "client_ref": "msg_1"}


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    VONAGE.set_up(monkeypatch)


async def yes(call: Call) -> None:
    await call.answer(202, b'{"message_uuid":"v-1"}')


def with_token(token: str, scheme: str = "Bearer") -> CarrierCall:
    """The receipt with a token of somebody's making."""
    body = json.dumps(RECEIPT).encode()
    headers = {"authorization": f"{scheme} {token}"}
    return CarrierCall("POST", result("vonage", "receipts"), headers, body)


BODY = json.dumps(RECEIPT).encode()


def test_a_token_with_the_hash_of_the_body_is_believed() -> None:
    (receipt,) = vonage.read_receipts(with_token(vonage_token(BODY)))
    assert (receipt.reference, receipt.carrier_id, receipt.code) == ("msg_1", "v-1", None)
    assert vonage.read_receipts(with_token(vonage_token(BODY), "bearer"))


@pytest.mark.parametrize(
    "token",
    [
        vonage_token(BODY, "another secret, which is as long as ours is, or longer"),
        vonage_token(b"another body"),
        vonage_token(BODY, payload_hash=None),
        vonage_token(BODY, payload_hash=""),
        vonage_token(BODY, iat=int(time.time()) + 3600),
        vonage_token(BODY, iat=int(time.time()) - 26 * 3600),
        vonage_token(BODY, iat="soon"),
        vonage_token(BODY, exp=int(time.time()) - 3600),
        jwt.encode({"iat": int(time.time())}, VONAGE_SECRET, algorithm="HS256"),
        jwt.encode({"iat": int(time.time()), "payload_hash": "x"}, "", algorithm="none"),
        jwt.encode({"iat": int(time.time())}, VONAGE_PEM, algorithm="RS256"),
        jwt.encode({"iat": int(time.time()), "payload_hash": "x"}, VONAGE_SECRET * 2, "HS512"),
        "a.b.c",
        "",
    ],
    ids=range(14),
)
def test_every_other_token_is_not(token: str) -> None:
    with pytest.raises(Forged):
        vonage.read_receipts(with_token(token))


def test_another_scheme_proves_nothing() -> None:
    with pytest.raises(Forged):
        vonage.read_receipts(with_token(vonage_token(BODY), "Basic"))


def test_a_call_that_is_brought_again_hours_later_still_counts() -> None:
    token = vonage_token(BODY, iat=int(time.time()) - 20 * 3600)
    assert len(vonage.read_receipts(with_token(token))) == 1


async def test_one_token_serves_many_sends_and_is_renewed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(yes) as stub:
        VONAGE.set_up(monkeypatch, stub.base_url)
        carrier = VONAGE.open(5.0)
        await carrier.send(handoff())
        await carrier.send(handoff())
        real = time.time
        monkeypatch.setattr("carriers.vonage.time.time", lambda: real() + TOKEN_SECONDS / 2)
        await carrier.send(handoff())
        await carrier.close()
        tokens = [headers_of(call)["authorization"] for call in stub.calls]
    assert tokens[0] == tokens[1] != tokens[2]


async def test_without_an_application_key_and_secret_are_used() -> None:
    async with serving(yes) as stub:
        settings = VonageSettings(
            base_url=stub.base_url, application_id="", api_key="k", api_secret=SecretStr("s")
        )
        carrier = VonageCarrier(settings, 5.0)
        await carrier.send(handoff())
        await carrier.close()
    assert headers_of(stub.calls[0])["authorization"] == "Basic azpz"


@pytest.mark.parametrize(
    "name, kind",
    [
        ("a.png", "image"),
        ("a.JPEG", "image"),
        ("a", "image"),
        ("a.mp4", "video"),
        ("a.vcf?v=1", "vcard"),
        ("a.mp3", "audio"),
        ("a.PDF?v=1", "file"),
    ],
)
async def test_media_go_as_what_their_address_says(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(yes) as stub:
        VONAGE.set_up(monkeypatch, stub.base_url)
        carrier = VONAGE.open(5.0)
        await carrier.send(handoff(media_url=f"https://m.example.com/{name}", text=""))
        await carrier.close()
        said = json.loads(stub.calls[0].body)
    assert (said["channel"], said["message_type"]) == ("mms", kind)
    assert said[kind] == {"url": f"https://m.example.com/{name}"} and "text" not in said


async def test_receipts_are_wanted_at_our_address_in_the_shape_that_we_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(yes) as stub:
        for public, wanted in ((PUBLIC_URL, f"{PUBLIC_URL}/carriers/vonage/receipts"), ("", None)):
            VONAGE.set_up(monkeypatch, stub.base_url)
            monkeypatch.setenv("GODWIT_PUBLIC_URL", public)
            carrier = VONAGE.open(5.0)
            await carrier.send(handoff())
            await carrier.close()
            said = json.loads(stub.calls[-1].body)
            assert said.get("webhook_url") == wanted
            assert said.get("webhook_version") == (wanted and "v1")


def read_text(said: Mapping[str, object]) -> tuple[str, str, str]:
    (got,) = vonage.read_inbound(vonage_call(result("vonage", "inbound"), said))
    return got.sender, got.to, got.body


def test_a_text_in_the_shape_of_version_0_1_is_a_text() -> None:
    people = {
        "from": {"type": "sms", "number": "14155551234"},
        "to": {"type": "sms", "number": "18005559876"},
    }
    said = {**people, "message": {"content": {"type": "text", "text": "STOP"}}}
    assert read_text(said) == ("+14155551234", "+18005559876", "STOP")
    picture = {"type": "image", "image": {"url": "https://m.example.com/a.png", "caption": "STOP"}}
    assert read_text({**people, "message": {"content": picture}})[2] == "STOP"
    other = {**people, "from": {"type": "whatsapp", "number": "14155551234"}}
    call = vonage_call(result("vonage", "inbound"), {**other, "message": said["message"]})
    assert vonage.read_inbound(call) == [] and not vonage.understands(call)


@pytest.mark.parametrize("caption, body", [("STOP", "STOP"), (None, "")])
def test_the_caption_of_a_picture_is_its_text(caption: str | None, body: str) -> None:
    said = {
        "channel": "mms",
        "from": "14155551234",
        "to": "18005559876",
        "message_type": "image",
        "image": {"url": "https://m.example.com/a.png", "caption": caption},
    }
    assert read_text(said) == ("+14155551234", "+18005559876", body)


@pytest.mark.parametrize(
    "status, error, shown_as, code",
    [
        ("delivered", None, "delivered", None),
        ("read", None, "delivered", None),
        ("rejected", {"type": "https://d.example.com/m#1050"}, "undelivered", "blocked"),
        ("undeliverable", {"type": "https://d.example.com/m/1260"}, "undelivered", "unreachable"),
        (
            "undeliverable",
            {"type": "https://d.example.com/m#1190"},
            "undelivered",
            "invalid_number",
        ),
        ("undeliverable", {"type": "https://d.example.com/m#1240"}, "undelivered", "opted_out"),
        ("undeliverable", {"type": "https://d.example.com/m#1999"}, "undelivered", "carrier_1999"),
        ("rejected", {"code": 1210, "reason": "no"}, "undelivered", "filtered"),
        ("undeliverable", {"type": "#14155551234"}, "undelivered", "undelivered"),
        ("undeliverable", "odd", "undelivered", "undelivered"),
    ],
)
def test_final_statuses_are_receipts(
    status: str, error: object, shown_as: str, code: str | None
) -> None:
    said = {**RECEIPT, "status": status, "error": error}
    (receipt,) = vonage.read_receipts(vonage_call(result("vonage", "receipts"), said))
    assert (receipt.status, receipt.code) == (shown_as, code)


@pytest.mark.parametrize(
    "said", [{**RECEIPT, "status": "submitted"}, {**RECEIPT, "client_ref": ""}]
)
def test_what_is_on_its_way_or_not_ours_says_nothing(said: dict[str, str]) -> None:
    assert vonage.read_receipts(vonage_call(result("vonage", "receipts"), said)) == []


def test_a_picture_or_another_channel_is_no_text() -> None:
    text = {"from": "14155551234", "to": "18005559876", "text": "STOP"}
    for said in (text, {**text, "channel": "whatsapp"}, {"channel": "mms", "image": {}}):
        assert vonage.read_inbound(vonage_call(result("vonage", "inbound"), said)) == []


@pytest.mark.parametrize(
    "status, kind_of_problem, kind, word",
    [
        (422, "https://d.example.com/messages#1170", PermanentFailure, "invalid_number"),
        (422, "https://d.example.com/messages#1050", PermanentFailure, "blocked"),
        (422, "https://d.example.com/messages#1120", TemporaryFailure, "carrier_configuration"),
        (402, "https://d.example.com/messages#1070", TemporaryFailure, "carrier_configuration"),
        (422, "https://d.example.com/messages#1000", TemporaryFailure, "rate_limited"),
        (422, "https://d.example.com/messages#1999", PermanentFailure, "carrier_1999"),
    ],
)
async def test_each_code_is_sorted_by_what_must_happen_next(
    status: int,
    kind_of_problem: str,
    kind: type[CarrierFailure],
    word: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(call: Call) -> None:
        await call.answer(status, json.dumps({"type": kind_of_problem}).encode())

    async with serving(play) as stub:
        VONAGE.set_up(monkeypatch, stub.base_url)
        carrier = VONAGE.open(5.0)
        with pytest.raises(CarrierFailure) as caught:
            await carrier.send(handoff())
        await carrier.close()
    assert (type(caught.value), caught.value.code) == (kind, word)
