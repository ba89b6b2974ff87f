"""HEAD and Allow on every route, and headers on what no route answered."""

import httpx
import pytest

from tests.dialects.http.test_access import belongings, filled, headers, operations
from tests.serving import Api
from tests.starter.api.test_conformance import listening

pytestmark = pytest.mark.one_store


async def test_head_answers_wherever_get_does_without_a_body(api: Api) -> None:
    things = await belongings(api) | {"{number}": "+14155550102", "{code}": "Ab3Ab3Ab"}
    tried = 0
    for method, path in await operations(api):
        if method != "GET":
            continue
        url = filled(path, things, change=False)
        sent = headers(api.key(), path)
        get = await api.http.get(url, headers=sent)
        head = await api.http.head(url, headers=sent)
        assert head.status_code == get.status_code != 405, path
        assert head.headers.get("content-type") == get.headers.get("content-type"), path
        assert head.content == b""
        tried += 1
    assert tried > 15
    assert (await api.http.head("/healthz")).status_code == 200
    assert (await api.http.head("/docs")).status_code == 200
    metrics = (await api.http.get("/metrics")).text
    assert 'method="HEAD",route="/healthz",status="200"' in metrics


async def test_over_a_socket_the_next_response_begins_where_the_head_ends(api: Api) -> None:
    async with listening(api) as url, httpx.AsyncClient(base_url=url) as http:
        for path in ("/healthz", "/openapi.json", "/v1/credits", "/s/unknown"):
            head = await http.head(path)
            get = await http.get(path)
            assert (head.status_code, head.content) == (get.status_code, b""), path
            assert head.headers["content-length"] == get.headers["content-length"]


async def test_a_405_allows_every_method_that_the_path_has(api: Api) -> None:
    for method, path, allowed in (
        ("PUT", "/healthz", "GET, HEAD"),
        ("PUT", "/v1/campaigns", "GET, HEAD, POST"),
        ("PUT", "/v1/campaigns/cmp_1", "GET, HEAD, PATCH"),
        ("PATCH", "/addressbook/optout", "GET, HEAD, POST, DELETE"),
        ("GET", "/api/v1/messaging/batch", "POST"),
        ("HEAD", "/api/v1/messaging/batch", "POST"),
        ("DELETE", "/s/Ab3Ab3Ab", "GET, HEAD"),
    ):
        answer = await api.http.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), (method, path)


async def test_every_answer_below_textingline_has_rate_headers(api: Api) -> None:
    for method, path, status in (
        ("GET", "/api/v1/messaging", 404),
        ("POST", "/api/v1/messaging/nothing", 404),
        ("GET", "/api/v1/messaging/batch", 405),
        ("DELETE", "/api/v1/messaging/message", 405),
        ("POST", "/api/v1/messaging/batch", 401),
    ):
        answer = await api.http.request(method, path)
        assert answer.status_code == status, path
        for name in ("limit", "remaining", "reset"):
            assert answer.headers[f"x-ratelimit-{name}"].isdigit(), (method, path)
    for _ in range(60):
        answer = await api.http.get("/api/v1/messaging/nothing")
    assert (answer.status_code, answer.json()["code"]) == (429, 33002)
    assert int(answer.headers["retry-after"]) > 0
