"""The API keeps what its OpenAPI document says, whatever comes: schemathesis makes requests up."""

import asyncio
import os
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from campaign.instants import DAY, iso
from dialects.fonedynamics.responses import sid_of
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from tests.serving import Api

Operation = APIOperation[Any, Any, Any, Any]
SEED = 4
# Of each operation and kind of request; ``make conformance`` sets more.
EXAMPLES = int(os.environ.get("CONFORMANCE_EXAMPLES", "9"))
# With the other store, twice as many.
EXAMPLES_MIN = 750 * EXAMPLES // 9
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@asynccontextmanager
async def listening(api: Api) -> AsyncIterator[str]:
    """The API as ``godwit api`` serves it; its address."""
    story = api.story
    app = create_app(
        ApiContext(story.settings, story.store, story.service, RequestLimiter("memory://"))
    )
    config = uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    await serving


async def known_ids(api: Api) -> dict[str, list[str]]:
    """Things that are there, by the name of the parameter that asks for them."""
    auth = api.basic()

    async def made(path: str, **body: object) -> dict[str, Any]:
        answer = await api.http.post(path, json=body, auth=auth)
        assert answer.is_success, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    recipients = [{"to": "+14155550100"}]
    running = await made("/v1/campaigns", text="Hello", recipients=recipients)
    tomorrow = iso(await api.story.now() + DAY)
    waiting = await made(
        "/v1/campaigns", text="Hello", recipients=recipients, scheduleDateTime=tomorrow
    )
    mailing_list = await made("/v1/mailing-lists", name="regulars")
    webhook = await made("/v1/webhooks", url="https://hooks.customer.example/in")
    await made("/v1/opt-outs", number="+14155550111")
    messages = api.story.store.campaigns.messages(waiting["id"])
    return {
        "id": [running["id"], waiting["id"], mailing_list["id"], webhook["id"], messages[0].id],
        "message_id": [messages[0].id],
        "MessageSid": [messages[0].id, sid_of(messages[0].id)],
        "PropertySid": [api.story.account.property_sid],
        "number": ["+14155550111"],
        "name": ["pretend"],
    }


class Caller:
    """Sends what schemathesis makes up, and holds each answer against the document."""

    def __init__(self, api: Api, url: str, known: Mapping[str, list[str]]) -> None:
        self.asked: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self._api = api
        self._url = url
        self._known = known

    def run(self) -> None:
        """Go through every operation with sound and unsound requests; blocking."""
        schema = schemathesis.openapi.from_url(f"{self._url}/openapi.json")
        with requests.Session() as session:
            for found in schema.get_all_operations():
                assert isinstance(found, Ok)
                operation = found.ok()
                self._ask(operation, GenerationMode.POSITIVE, session)
                # Any text is sound in a path, so there only bodies and queries can be wrong.
                if operation.body or list(operation.query):
                    self._ask(operation, GenerationMode.NEGATIVE, session)

    def _ask(self, operation: Operation, mode: GenerationMode, session: requests.Session) -> None:
        @seed(SEED)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case: Case[Any], data: st.DataObject) -> None:
            for name in case.path_parameters:
                # Nobody guesses an id; every second request is about something that is there.
                if name in self._known and data.draw(st.booleans()):
                    # The first campaign ends soon; the events of the other one would not.
                    known = self._known[name][: 1 if operation.path.endswith("/events") else None]
                    case.path_parameters[name] = data.draw(st.sampled_from(known))
            self.asked[operation.label] += 1
            answer = case.call(
                base_url=self._url, session=session, headers=self._credentials(operation.path)
            )
            self.statuses[answer.status_code] += 1
            # To be away is an honest answer of who is asked for just that.
            says_so = operation.path == "/readyz" and answer.status_code == 503
            case.validate_response(answer, checks=CHECKS[1:] if says_so else CHECKS)

        try:
            ask()
        except Exception as error:
            self.wrong.append(f"{operation.label} ({mode.value}): {error!r:.500}")

    def _credentials(self, path: str) -> dict[str, str]:
        """Those of a new key, in the way that the path's API takes."""
        pair = self._api.key()
        if path.startswith(("/send/", "/addressbook/", "/message")):
            return {"authorization": f"Bearer {pair.bearer}"}
        basic = b64encode(f"{pair.key_id}:{pair.secret}".encode()).decode()
        return {"authorization": f"Basic {basic}"}


async def test_no_request_brings_a_5xx_or_an_answer_that_is_not_documented(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    known = await known_ids(api)
    async with listening(api) as url:
        caller = Caller(api, url, known)
        await asyncio.to_thread(caller.run)
    described = (await api.http.get("/openapi.json")).json()["paths"]
    total = sum(caller.asked.values())
    output = ", ".join(f"{status} {count}x" for status, count in sorted(caller.statuses.items()))
    with capsys.disabled():
        sys.stdout.write(
            f"{total} examples of {len(caller.asked)} operations, seed {SEED}: {output}\n"
        )
    assert not caller.wrong, "\n".join(caller.wrong)
    assert len(caller.asked) == sum(map(len, described.values()))
    assert total >= EXAMPLES_MIN
