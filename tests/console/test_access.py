"""Who gets in: by key and link, for how long, with what; and what no other site can do."""

import re
import time
from collections.abc import Callable

import httpx
import jwt
import pytest

from campaign.instants import SECOND
from console.handling import HEADERS, local_path
from console.sessions import Signatures
from store.clock import wall_clock
from tests.console.browsing import Browser, Page

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


def is_sign_in(page: Page) -> bool:
    return str(page.answer.url.path) == "/console/sign-in" and page.offers("/console/sign-in")


async def test_the_root_leads_to_the_console_and_that_to_signing_in(browser: Browsers) -> None:
    page = await browser().get("/")
    assert page.status == 200 and is_sign_in(page)


async def test_a_key_pair_a_bearer_and_both_in_one_field_sign_in(browser: Browsers) -> None:
    pair = browser().api.key()
    for key_id, secret in (
        (pair.key_id, pair.secret),
        ("", pair.bearer),
        ("", f"{pair.key_id}:{pair.secret}"),
    ):
        one = browser()
        form = (await one.get("/console/sign-in")).form("/sign-in")
        page = await one.send(form, keyId=key_id, keySecret=secret)
        assert page.status == 200 and page.offers("/console/sign-out")


async def test_a_wrong_key_gets_the_form_again_and_no_session(browser: Browsers) -> None:
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    page = await one.send(form, keyId="AK", keySecret="wrong")
    assert page.status == 401 and "not known" in page.text
    assert is_sign_in(await one.get("/console/campaigns"))


async def test_the_cookie_is_closed_to_scripts_and_other_sites(browser: Browsers) -> None:
    one = browser()
    pair = one.api.key()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    fields = {**form.fields, "keyId": pair.key_id, "keySecret": pair.secret}
    answer = await one.http.post(form.action, data=fields, follow_redirects=False)
    (cookie,) = (c for c in answer.headers.get_list("set-cookie") if "godwit_console=" in c)
    assert answer.status_code == 303
    assert {"HttpOnly", "SameSite=lax", "Path=/console"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    one.http.base_url = httpx.URL("https://godwit")
    page = await one.get("/console/sign-in")
    assert all("Secure" in c for c in page.answer.headers.get_list("set-cookie"))


async def test_revoking_the_key_or_signing_out_ends_the_session(browser: Browsers) -> None:
    one, two = browser(), browser()
    pair = await one.sign_in()
    one.api.story.store.api_keys.revoke(pair.key_id, wall_clock())
    assert is_sign_in(await one.get("/console/campaigns"))
    await two.sign_in()
    copied = dict(two.http.cookies)
    await two.send((await two.get("/console/campaigns")).form("/sign-out"))
    assert is_sign_in(await two.get("/console/campaigns"))
    two.http.cookies.update(copied)
    assert is_sign_in(await two.get("/console/campaigns"))


async def test_an_expired_or_forged_session_is_none(browser: Browsers) -> None:
    one = browser()
    pair = await one.sign_in()
    signatures = Signatures(one.api.story.settings)
    good = signatures.session_token(pair.key_id)
    claims = jwt.decode(good, options={"verify_signature": False})
    key = signatures.key
    for token in (
        jwt.encode({**claims, "exp": int(time.time()) - 1}, key, "HS256"),
        jwt.encode(claims, "another key, which is as long as it must be", "HS256"),
        jwt.encode(claims, "", "none"),
        signatures.link_token(pair.key_id),
        good[:-2],
        "x" * 5_000,
    ):
        one.http.cookies.clear()
        one.http.cookies.set("godwit_console", token, "godwit", "/console")
        assert is_sign_in(await one.get("/console/campaigns")), token
    assert signatures.read_session(good).ends_at > wall_clock() + 11 * 3600 * SECOND  # type: ignore[union-attr]


async def test_a_link_signs_in_once(browser: Browsers) -> None:
    one, two = browser(), browser()
    pair = one.api.key()
    signatures = Signatures(one.api.story.settings)
    path = f"/console/link/{signatures.link_token(pair.key_id)}"
    assert (await one.get(path)).offers("/console/sign-out")
    again = await two.get(path)
    assert again.status == 401 and "used" in again.text
    session = await two.get(f"/console/link/{signatures.session_token(pair.key_id)}")
    assert session.status == 401


async def test_signing_in_is_limited_by_address(browser: Browsers) -> None:
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    statuses = [(await one.send(form, keySecret="wrong")).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert (await browser().get("/console/sign-in")).status == 200


async def test_every_answer_has_the_headers_and_no_inline_code(browser: Browsers) -> None:
    one = browser()
    paths = ["/console/sign-in", "/console/nothing", "/console/static/console.css"]
    await one.sign_in()
    paths += ["/console/campaigns", "/console/stop", "/console/installation"]
    for path in paths:
        page = await one.get(path)
        assert page.answer.headers.items() >= {k.lower(): v for k, v in HEADERS.items()}.items()
        assert page.answer.headers["x-content-type-options"] == "nosniff"
        assert page.answer.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"<style|<script(?![^>]* src=)|javascript:", page.answer.text)
        faults = [one for one in page.attributes if one[1] == "style" or one[1].startswith("on")]
        assert faults == []
        for _, name, value in page.attributes:
            assert name not in ("src", "href") or value.startswith(("/", "#")), value


async def test_static_files_are_kept_and_pages_are_not(browser: Browsers) -> None:
    one = browser()
    page = await one.get("/console/sign-in")
    assert page.answer.headers["cache-control"] == "no-store"
    for _, name, value in page.attributes:
        if "/static/" in value and name in ("src", "href"):
            answer = await one.http.get(value)
            assert "immutable" in answer.headers["cache-control"] and answer.status_code == 200
    assert (await one.get("/console/static/..%2fwords.py")).status == 404


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/console/..//x", "/console/../v1", "/console/\\x"]
    + ["/v1", ""],
)
async def test_signing_in_leads_to_no_other_site(browser: Browsers, path: str) -> None:
    assert local_path(path) is None
    assert local_path("/console/campaigns/x") == "/console/campaigns/x"
    one = browser()
    form = (await one.get("/console/sign-in")).form("/sign-in")
    pair = one.api.key()
    page = await one.send(form, keyId=pair.key_id, keySecret=pair.secret, next=path)
    assert str(page.answer.url).endswith("godwit/console/campaigns")


@pytest.mark.parametrize(
    ("permissions", "place"),
    [
        (("create:BatchSMS",), "/console/new"),
        (("manage:Account",), "/console/installation"),
        (("create:BatchSMS", "read:Campaigns"), "/console/campaigns"),
    ],
)
async def test_a_key_lands_on_the_first_page_that_it_may_see(
    browser: Browsers, permissions: tuple[str, ...], place: str
) -> None:
    one = browser()
    pair = one.api.key(*permissions)
    form = (await one.get("/console")).form("/sign-in")
    page = await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    assert page.status == 200 and page.answer.url.path == place
    # So does the link on a page about a failure.
    missing = await one.get("/console/nothing")
    assert missing.status == 404 and missing.offers("/console")
    assert (await one.get("/console")).answer.url.path == place


async def test_a_key_that_may_see_nothing_is_told_what_it_lacks(browser: Browsers) -> None:
    one = browser()
    pair = one.api.key("create:SingleSMS")
    form = (await one.get("/console/sign-in")).form("/sign-in")
    page = await one.send(form, keyId=pair.key_id, keySecret=pair.secret)
    assert page.status == 403 and "may not read campaigns" in page.text
    assert is_sign_in(await one.get("/console"))
