"""Every carrier, described for the exercise; values are our own, shapes are the carriers'."""

import base64
import hashlib
import hmac
import json
import time
import warnings
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from campaign.failures import TemporaryFailure
from campaign.handoffs import CarrierCall, Repeats
from tests.carriers.described import (
    Described,
    Said,
    Taken,
    form_of,
    headers_of,
    query_of,
    reference_in,
    result,
    target_of,
)
from tests.carriers.servers import Call

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
RAW = serialization.Encoding.Raw
PUBLIC_RAW = serialization.PublicFormat.Raw


def json_call(url: str, said: object, headers: dict[str, str] | None = None) -> CarrierCall:
    """A POST of JSON."""
    return CarrierCall("POST", url, {**JSON, **(headers or {})}, json.dumps(said).encode())


def iso_now() -> str:
    """This moment as carriers write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def id_for(*what: str) -> str:
    """A carrier's id of an inbound text: the same each time that it is brought."""
    return hashlib.sha256(repr(what).encode("utf-8", "backslashreplace")).hexdigest()[:32]


# --------------------------------------------------------------------------- pretend


def pretend_taken(call: Call) -> Taken:
    """A send to the pretend carrier."""
    said = json.loads(call.body)
    return Taken(said["from"], said["to"], said["body"], said["mediaUrl"], said["reference"])


def pretend_receipt(reference: str, word: str) -> CarrierCall:
    """Its receipt; it knows no intermediate ones."""
    said = {"id": "p-1", "reference": reference, "status": word, "at": iso_now()}
    return json_call(result("pretend", "receipts"), said)


def pretend_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """Its inbound text."""
    said = {"from": sender, "to": to, "body": text, "at": iso_now()}
    return json_call(result("pretend", "inbound"), said)


PRETEND = Described(
    name="pretend",
    environment={},
    repeats=Repeats.DEDUP,
    yes=Said(201, b'{"id":"p-1","status":"accepted"}'),
    carrier_id="p-1",
    refused=Said(422, b'{"error":"invalid_number"}'),
    refused_code="invalid_number",
    configuration=Said(401, b'{"error":"who"}'),
    busy=Said(429, b'{"error":"rate_limited"}'),
    malformed=[b"{}", b'{"id":7}', b"[]"],
    taken=pretend_taken,
    receipt=pretend_receipt,
    inbound=pretend_inbound,
    unavailable=TemporaryFailure,
    proves=False,
)

# --------------------------------------------------------------------------- twilio

TWILIO_SID = "AC0123456789abcdef"
TWILIO_TOKEN = "twilio-token-of-ours"


def twilio_signature(url: str, fields: dict[str, str], token: str = TWILIO_TOKEN) -> str:
    """The signature over an address and the sorted fields, written down once more."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), "sha1").digest()).decode()


def twilio_call(url: str, fields: dict[str, str]) -> CarrierCall:
    """A signed call with a form."""
    headers = {**FORM, "x-twilio-signature": twilio_signature(url, fields)}
    return CarrierCall("POST", url, headers, urlencode(fields).encode())


def twilio_taken(call: Call) -> Taken:
    """A send to the Messages resource."""
    assert target_of(call) == f"/2010-04-01/Accounts/{TWILIO_SID}/Messages.json"
    credentials = base64.b64encode(f"{TWILIO_SID}:{TWILIO_TOKEN}".encode()).decode()
    assert headers_of(call)["authorization"] == f"Basic {credentials}"
    assert headers_of(call)["content-type"] == FORM["content-type"]
    form = form_of(call)
    reference = reference_in(form["StatusCallback"])
    return Taken(form["From"], form["To"], form["Body"], form.get("MediaUrl"), reference)


def twilio_receipt(reference: str, word: str) -> CarrierCall:
    """A status callback."""
    status = {"intermediate": "sent"}.get(word, word)
    fields = {"MessageSid": "SM1", "MessageStatus": status, "AccountSid": TWILIO_SID}
    if word == "undelivered":
        fields["ErrorCode"] = "30003"
    return twilio_call(result("twilio", "receipts", f"reference={quote(reference)}"), fields)


def twilio_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """An incoming message."""
    fields = {"From": sender, "To": to, "Body": text, "MessageSid": id_for(sender, to, text)}
    fields["NumMedia"] = "0"
    return twilio_call(result("twilio", "inbound"), fields)


TWILIO = Described(
    name="twilio",
    environment={"ACCOUNT_SID": TWILIO_SID, "AUTH_TOKEN": TWILIO_TOKEN},
    repeats=Repeats.LOOKUP,
    yes=Said(201, b'{"sid":"SM1","status":"queued","error_code":null}'),
    carrier_id="SM1",
    refused=Said(400, b'{"code":21610,"message":"+14155551234 said stop","status":400}'),
    refused_code="opted_out",
    configuration=Said(400, b'{"code":21606,"message":"not your number","status":400}'),
    busy=Said(429, b'{"code":20429,"message":"too many","status":429}'),
    malformed=[b"{}", b'{"sid":null}', b"[]", b'{"sid":""}'],
    taken=twilio_taken,
    receipt=twilio_receipt,
    inbound=twilio_inbound,
    ack=(200, b"<Response/>"),
)

# --------------------------------------------------------------------------- telnyx

TELNYX_KEY = Ed25519PrivateKey.generate()


def telnyx_call(url: str, said: object, at: float = 0, key: Any = TELNYX_KEY) -> CarrierCall:
    """A webhook signed at an instant (now)."""
    body = json.dumps(said).encode()
    timestamp = str(int(at or time.time()))
    signature = base64.b64encode(key.sign(timestamp.encode() + b"|" + body)).decode()
    signed = {"telnyx-timestamp": timestamp, "telnyx-signature-ed25519": signature}
    return CarrierCall("POST", url, {**JSON, **signed}, body)


def telnyx_taken(call: Call) -> Taken:
    """A send to version 2."""
    assert target_of(call) == "/v2/messages"
    assert headers_of(call)["authorization"] == "Bearer telnyx-key-of-ours"
    said = json.loads(call.body)
    assert said["type"] == ("MMS" if "media_urls" in said else "SMS")
    media = said.get("media_urls", [None])[0]
    reference = reference_in(said["webhook_url"])
    return Taken(said["from"], said["to"], said["text"], media, reference)


def telnyx_receipt(reference: str, word: str) -> CarrierCall:
    """A finalized event; an intermediate one is of another type."""
    url = result("telnyx", "receipts", f"reference={quote(reference)}")
    status = {"undelivered": "delivery_failed", "intermediate": "sent"}.get(word, word)
    payload: dict[str, Any] = {
        "direction": "outbound",
        "id": "t-1",
        "to": [{"phone_number": "+14155551234", "status": status}],
        "webhook_url": url,
        "errors": [{"code": "40001", "title": "no route"}] if word == "undelivered" else [],
    }
    kind = "message.sent" if word == "intermediate" else "message.finalized"
    event = {"event_type": kind, "id": "e-1", "occurred_at": iso_now(), "payload": payload}
    return telnyx_call(url, {"data": event, "meta": {"attempt": 1}})


def telnyx_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """A received event."""
    payload = {
        "direction": "inbound",
        "id": id_for(sender, to, text),
        "from": {"phone_number": sender},
        "to": [{"phone_number": to}],
        "text": text,
    }
    event = {"event_type": "message.received", "occurred_at": iso_now(), "payload": payload}
    return telnyx_call(result("telnyx", "inbound"), {"data": event})


TELNYX = Described(
    name="telnyx",
    environment={
        "API_KEY": "telnyx-key-of-ours",
        "PUBLIC_KEY": base64.b64encode(
            TELNYX_KEY.public_key().public_bytes(RAW, PUBLIC_RAW)
        ).decode(),
    },
    repeats=Repeats.NONE,
    yes=Said(200, b'{"data":{"id":"t-1","to":[{"status":"queued"}]}}'),
    carrier_id="t-1",
    refused=Said(400, b'{"errors":[{"code":"40300","title":"blocked, +14155551234"}]}'),
    refused_code="opted_out",
    configuration=Said(400, b'{"errors":[{"code":"40305","title":"from"}]}'),
    busy=Said(429, b'{"errors":[{"code":"10011","title":"slow"}]}'),
    malformed=[b"{}", b'{"data":[]}', b'{"data":{"id":null}}', b"[]"],
    taken=telnyx_taken,
    receipt=telnyx_receipt,
    inbound=telnyx_inbound,
    ack=(200, b""),
)

# --------------------------------------------------------------------------- vonage

VONAGE_SECRET = "vonage-secret-of-ours-that-is-long-enough-for-hs256"
VONAGE_KEY = rsa.generate_private_key(65537, 2048)
VONAGE_PEM = VONAGE_KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


def vonage_token(body: bytes, secret: str = VONAGE_SECRET, **claims: object) -> str:
    """The token that goes with a body."""
    digest = hashlib.sha256(body).hexdigest()
    values = {"iat": int(time.time()), "jti": "j-1", "iss": "Vonage", "payload_hash": digest}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Short secrets are part of what is tried.
        return jwt.encode(values | claims, secret, algorithm="HS256")


def vonage_call(url: str, said: object, **claims: object) -> CarrierCall:
    """A webhook with its token."""
    call = json_call(url, said)
    headers = {**JSON, "authorization": f"Bearer {vonage_token(call.body, **claims)}"}  # type: ignore[arg-type]
    return CarrierCall("POST", url, headers, call.body)


def vonage_taken(call: Call) -> Taken:
    """A send to the Messages API, whose token our public key confirms."""
    assert target_of(call) == "/v1/messages"
    token = headers_of(call)["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, VONAGE_KEY.public_key(), algorithms=["RS256"])
    assert claims["application_id"] == "app-1" and claims["exp"] > time.time()
    said = json.loads(call.body)
    media = None
    if said["channel"] == "mms":
        media, said["text"] = said["image"]["url"], said["image"]["caption"]
    sender, to = f"+{said['from']}", f"+{said['to']}"
    return Taken(sender, to, said["text"], media, said["client_ref"])


def vonage_receipt(reference: str, word: str) -> CarrierCall:
    """A status webhook."""
    said: dict[str, Any] = {
        "message_uuid": "v-1",
        "to": "14155551234",
        "from": "18005559876",
        "timestamp": iso_now(),
        "status": {"undelivered": "undeliverable", "intermediate": "submitted"}.get(word, word),
        "client_ref": reference,
    }
    if word == "undelivered":
        said["error"] = {"type": "https://developer.example.com/errors/messages#1050"}
    return vonage_call(result("vonage", "receipts"), said)


def vonage_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """An inbound webhook: numbers without a plus."""
    said = {
        "channel": "sms",
        "message_uuid": id_for(sender, to, text),
        "from": sender.removeprefix("+"),
        "to": to.removeprefix("+"),
        "message_type": "text",
        "text": text,
        "timestamp": iso_now(),
    }
    return vonage_call(result("vonage", "inbound"), said)


VONAGE = Described(
    name="vonage",
    environment={
        "APPLICATION_ID": "app-1",
        "PRIVATE_KEY": VONAGE_PEM.replace("\n", "\\n"),
        "SIGNATURE_SECRET": VONAGE_SECRET,
    },
    repeats=Repeats.NONE,
    yes=Said(202, b'{"message_uuid":"v-1"}'),
    carrier_id="v-1",
    refused=Said(422, b'{"type":"https://d.example.com/messages#1170","title":"to +14155551234"}'),
    refused_code="invalid_number",
    configuration=Said(402, b'{"type":"https://d.example.com/api-errors/#low-balance"}'),
    busy=Said(429, b'{"type":"https://d.example.com/messages#1000","title":"slow"}'),
    malformed=[b"{}", b'{"message_uuid":4}', b"[]"],
    taken=vonage_taken,
    receipt=vonage_receipt,
    inbound=vonage_inbound,
    ack=(200, b""),
)

# --------------------------------------------------------------------------- sinch

SINCH_SECRET = "sinch-secret-of-ours"


def sinch_call(url: str, said: object, at: float = 0, secret: str = SINCH_SECRET) -> CarrierCall:
    """A callback signed at an instant (now)."""
    body = json.dumps(said).encode()
    timestamp, nonce = str(int(at or time.time())), "01HXNONCE"
    signed = body + f".{nonce}.{timestamp}".encode()
    signature = base64.b64encode(hmac.new(secret.encode(), signed, "sha256").digest()).decode()
    headers = {
        "x-sinch-webhook-signature": signature,
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": timestamp,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }
    return CarrierCall("POST", url, {**JSON, **headers}, body)


def sinch_taken(call: Call) -> Taken:
    """A batch of one."""
    assert target_of(call) == "/xms/v1/plan-1/batches"
    assert headers_of(call)["authorization"] == "Bearer sinch-token-of-ours"
    said = json.loads(call.body)
    assert said["delivery_report"] == "per_recipient"
    (to,) = said["to"]
    text, media = said["body"], None
    if said["type"] == "mt_media":
        text, media = said["body"]["message"], said["body"]["url"]
    return Taken(said["from"], to, text, media, said["client_reference"])


def sinch_receipt(reference: str, word: str) -> CarrierCall:
    """A recipient's delivery report."""
    status = {"delivered": "Delivered", "undelivered": "Rejected", "intermediate": "Dispatched"}
    said = {
        "type": "recipient_delivery_report_sms",
        "batch_id": "s-1",
        "recipient": "14155551234",
        "code": 403 if word == "undelivered" else 0,
        "status": status[word],
        "at": iso_now(),
        "client_reference": reference,
    }
    return sinch_call(result("sinch", "receipts"), said)


def sinch_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """An inbound text."""
    said = {
        "type": "mo_text",
        "id": id_for(sender, to, text),
        "from": sender.removeprefix("+"),
        "to": to.removeprefix("+"),
        "body": text,
        "received_at": iso_now(),
    }
    return sinch_call(result("sinch", "inbound"), said)


SINCH = Described(
    name="sinch",
    environment={
        "SERVICE_PLAN_ID": "plan-1",
        "API_TOKEN": "sinch-token-of-ours",
        "WEBHOOK_SECRET": SINCH_SECRET,
    },
    repeats=Repeats.LOOKUP,
    yes=Said(201, b'{"id":"s-1","to":["14155551234"],"canceled":false}'),
    carrier_id="s-1",
    refused=Said(400, b'{"code":"syntax_invalid_parameter_format","text":"to: 14155551234"}'),
    refused_code="invalid_params",
    configuration=Said(401, b'{"code":"unauthorized"}'),
    busy=Said(429, b'{"code":"too_many_requests"}'),
    malformed=[b"{}", b'{"id":[]}', b"[]"],
    taken=sinch_taken,
    receipt=sinch_receipt,
    inbound=sinch_inbound,
    ack=(200, b""),
)

# --------------------------------------------------------------------------- kannel

KANNEL_TOKEN = "a token/of & ours"


def kannel_taken(call: Call) -> Taken:
    """A send to smsbox; its dlr-url is what it would call, values put in."""
    assert target_of(call).startswith("/cgi-bin/sendsms?")
    query = query_of(call)
    assert (query["username"], query["password"]) == ("godwit", "kannel-password")
    assert query["charset"] == "UTF-8" and query["dlr-mask"] == "19"
    assert query["coding"] == ("2" if "\U0001f4e6" in query["text"] else "0")
    reference = reference_in(query["dlr-url"].replace("%d", "1"))
    return Taken(query["from"], query["to"], query["text"], None, reference)


def kannel_receipt(reference: str, word: str) -> CarrierCall:
    """A dlr-url as it is fetched."""
    status = {"delivered": 1, "undelivered": 2, "intermediate": 8}[word]
    query = urlencode({"token": KANNEL_TOKEN, "status": status, "reference": reference})
    return CarrierCall("GET", result("kannel", "receipts", query), {}, b"")


def kannel_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """A get-url as it is fetched."""
    query = urlencode({"token": KANNEL_TOKEN, "from": sender, "to": to, "text": text})
    return CarrierCall("GET", result("kannel", "inbound", query), {}, b"")


KANNEL = Described(
    name="kannel",
    environment={
        "USERNAME": "godwit",
        "PASSWORD": "kannel-password",
        "CALLBACK_TOKEN": KANNEL_TOKEN,
    },
    repeats=Repeats.NONE,
    yes=Said(202, b"0: Accepted for delivery"),
    carrier_id="msg_1",
    refused=Said(403, b"Not routable. Do not try again."),
    refused_code="not_routable",
    configuration=Said(403, b"Authorization failed for sendsms"),
    busy=Said(503, b"Temporal failure, try again later."),
    malformed=[b"", b"{}", b"1: Something else", b"<html>"],
    taken=kannel_taken,
    receipt=kannel_receipt,
    inbound=kannel_inbound,
    ack=(200, b""),
    takes_media=False,
)

# --------------------------------------------------------------------------- postback

POSTBACK_SECRET = "whsec_" + base64.b64encode(b"postback secret of ours, 32 byte").decode()


def postback_call(url: str, said: object, secret: str = POSTBACK_SECRET) -> CarrierCall:
    """A call signed as Standard Webhooks has it."""
    body = json.dumps(said)
    moment = datetime.now(UTC)
    headers = {
        "webhook-id": "w-1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign("w-1", moment, body),
    }
    return CarrierCall("POST", url, {**JSON, **headers}, body.encode())


def postback_taken(call: Call) -> Taken:
    """A send to a gateway, which checks the signature as anybody would."""
    assert target_of(call) == "/messages"
    said = Webhook(POSTBACK_SECRET).verify(call.body, headers_of(call))
    assert headers_of(call)["webhook-id"] == said["reference"]
    return Taken(said["from"], said["to"], said["text"], said["mediaUrl"], said["reference"])


def postback_receipt(reference: str, word: str) -> CarrierCall:
    """Its receipt."""
    status = {"intermediate": "on_its_way"}.get(word, word)
    said = {"id": "g-1", "reference": reference, "status": status, "at": iso_now()}
    return postback_call(result("postback", "receipts"), said)


def postback_inbound(sender: str, to: str, text: str) -> CarrierCall:
    """Its inbound text."""
    said = {"from": sender, "to": to, "text": text, "at": iso_now()}
    return postback_call(result("postback", "inbound"), said)


POSTBACK = Described(
    name="postback",
    environment={"SECRET": POSTBACK_SECRET},
    repeats=Repeats.DEDUP,
    yes=Said(201, b'{"id":"g-1"}'),
    carrier_id="g-1",
    refused=Said(422, b'{"error":"invalid_number"}'),
    refused_code="invalid_number",
    configuration=Said(401, b'{"error":"signature"}'),
    busy=Said(429, b'{"error":"rate_limited"}'),
    malformed=[b"{}", b'{"id":7}', b"[]"],
    taken=postback_taken,
    receipt=postback_receipt,
    inbound=postback_inbound,
    unavailable=TemporaryFailure,
)

ALL = [PRETEND, TWILIO, TELNYX, VONAGE, SINCH, KANNEL, POSTBACK]
