"""A batch in each of the five languages of the API, posted through the proxy."""

from dataclasses import dataclass
from typing import Any

import httpx

from starter.proof.load import ENDINGS, number_of
from store.accounts.api_keys import KeyPair
from tests.dialects.telesign.client import PATH as TELESIGN_PATH
from tests.dialects.telesign.client import form, signed

PEOPLE = 200
SENDER = "+18005559876"
TEXT = "The harbour market opens at nine"
# The vendor's limit of this route, which two API processes count together.
BATCHES_A_MINUTE = 5


@dataclass(frozen=True)
class Request:
    """A request of one dialect."""

    dialect: str
    path: str
    options: dict[str, Any]


def requests(account: dict[str, Any]) -> list[Request]:
    """A batch of each dialect, to numbers that no other has."""
    pair = KeyPair(account["keyId"], account["keySecret"], account["bearer"])
    bearer = {"Authorization": f"Bearer {account['bearer']}"}
    telesign = form(recipients=",".join(_digits(3)), template=TEXT)
    batches = f"/v2/Properties/{account['propertySid']}/BatchMessages"
    fone = [{"From": SENDER, "To": to, "Text": TEXT} for to in numbers(1)]
    mobivate = [{"recipient": to} for to in _digits(2)]
    return [
        Request("Textingline", "/api/v1/messaging/batch", {"json": textingline(0)}),
        Request("Fone Dynamics", batches, {"json": {"Messages": fone}}),
        Request(
            "Mobivate",
            "/send/batch",
            {
                "json": {"recipients": mobivate, "text": TEXT, "originator": "GODWIT"},
                "headers": bearer,
            },
        ),
        Request(
            "Telesign", TELESIGN_PATH, {"content": telesign, "headers": signed(pair, telesign)}
        ),
        Request(
            "native",
            "/v1/campaigns",
            {"json": {"text": TEXT, "recipients": [{"to": to} for to in numbers(4)]}},
        ),
    ]


def textingline(block: int) -> dict[str, Any]:
    """A Textingline batch to the first numbers of a block."""
    recipients = [{"to": to, "body": TEXT} for to in numbers(block)]
    return {"from": SENDER, "recipients": recipients}


async def post(api: httpx.AsyncClient, request: Request) -> None:
    """Post a batch; fails with the answer if it is not accepted."""
    options = dict(request.options)
    # The client's own credentials would take the place of the header.
    if "Authorization" in (headers := options.get("headers", {})) or "authorization" in headers:
        options["auth"] = None
    answer = await api.post(request.path, **options)
    assert answer.is_success, f"{request.dialect}: {answer.status_code} {answer.text[:500]}"


def numbers(block: int, count: int = PEOPLE) -> list[str]:
    """Numbers for fiction that no other block has."""
    return [number_of(block * len(ENDINGS) + index) for index in range(count)]


def _digits(block: int) -> list[str]:
    return [number.removeprefix("+") for number in numbers(block)]
