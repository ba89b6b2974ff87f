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
from tests.console.browsing import ROLES, Browser, Page
from tests.serving import Api

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
    "path", ["//evil.example", "https://evil.example", "/console/..//x", "/console/\\x", "/v1"]
)
def test_signing_in_leads_to_no_other_site(path: str) -> None:
    assert local_path({"next": path}) == "/console/campaigns"
    assert local_path({"next": "/console/campaigns/x"}) == "/console/campaigns/x"


async def test_no_form_works_without_the_token_of_its_session(browser: Browsers, api: Api) -> None:
    ids = await made_of_each(api)
    # A draft belongs to the key that wrote it: tests/console/test_new_campaign.py.
    posted = {path for method, path in ACTIONS.values() if method == "POST"} - {TEST}
    one, other = browser(), browser()
    await one.sign_in()
    await other.sign_in()
    foreign = (await other.get("/console/campaigns")).form("/sign-out").fields["token"]
    for path in (
        "/console/sign-in",
        "/console/sign-out",
        "/console/stop",
        "/console/start",
        *(path.format(**ids) for path in posted - UPLOADS),
    ):
        for fields in ({}, {"token": ""}, {"token": foreign}, {"token": "é"}):
            page = await one.post(path, **fields)
            assert page.status == 403 and "open too long" in page.text, path
    for path in UPLOADS:
        for token in ("", foreign):
            files = {"file": ("a.csv", b"to\n+14155550190\n")}
            data = {"token": token}
            page = Page(await one.http.post(path.format(**ids), data=data, files=files))
            assert page.status == 403 and "open too long" in page.text, path
    store, account = api.story.store, api.story.account.id
    assert store.brakes.in_force() == [] and store.opt_outs.list(account) == []
    assert len(store.endpoints.list(account)) == len(store.lists.list(account)) == 1


async def test_every_form_of_every_page_has_a_token(browser: Browsers, api: Api) -> None:
    ids = await made_of_each(api)
    one = browser()
    pages = [await one.get("/console/sign-in")]
    await one.sign_in()
    shown = {path for method, path in ACTIONS.values() if method == "GET"}
    shown |= {"/console", "/console/stop", "/console/campaigns/{id}/cancel"}
    shown |= {"/console/lists/{list}", "/console/lists/{list}/delete"}
    shown |= {"/console/keys/{key}/revoke", "/console/webhooks/{webhook}/delete"}
    for path in sorted(shown):
        pages.append(await one.get(path.format(**ids)))
        assert pages[-1].status == 200, path
    forms = [form for page in pages for form in page.forms if form.method == "post"]
    assert len(forms) > 40 and all(form.fields.get("token") for form in forms)


TEST = "/console/new/{id}/test"
UPLOADS = {"/console/lists/{list}/members", "/console/opt-outs"}
ACTIONS = {
    "see": ("GET", "/console/campaigns"),
    "open": ("GET", "/console/campaigns/{id}"),
    "export": ("GET", "/console/campaigns/{id}/messages.csv"),
    "report": ("GET", "/console/campaigns/{id}/report"),
    "watch": ("GET", "/console/campaigns/{id}/events"),
    "ask to change": ("GET", "/console/campaigns/{id}/change"),
    "change": ("POST", "/console/campaigns/{id}/change"),
    "choose a retry": ("GET", "/console/campaigns/{id}/retry"),
    "write": ("GET", "/console/new"),
    "test": ("POST", TEST),
    "pause": ("POST", "/console/campaigns/{id}/pause"),
    "resume": ("POST", "/console/campaigns/{id}/resume"),
    "cancel": ("POST", "/console/campaigns/{id}/cancel"),
    "retry": ("POST", "/console/campaigns/{id}/retry"),
    "stop": ("POST", "/console/stop"),
    "start": ("POST", "/console/start"),
    "person": ("GET", "/console/people?number=%2B14155550190"),
    "replies": ("GET", "/console/replies"),
    "credits": ("GET", "/console/credits"),
    "opt out": ("POST", "/console/people/opt-out"),
    "ask to erase": ("GET", "/console/people/erase?number=%2B14155550190"),
    "erase": ("POST", "/console/people/erase"),
    "installation": ("GET", "/console/installation"),
    "answer": ("POST", "/console/replies/answer"),
    "leave unread": ("POST", "/console/replies/unread"),
    "decide": ("POST", "/console/replies/decide"),
    "lists": ("GET", "/console/lists"),
    "make list": ("POST", "/console/lists"),
    "fill list": ("POST", "/console/lists/{list}/members"),
    "shrink list": ("POST", "/console/lists/{list}/remove"),
    "rename list": ("POST", "/console/lists/{list}/rename"),
    "delete list": ("POST", "/console/lists/{list}/delete"),
    "opt-outs": ("GET", "/console/opt-outs"),
    "save opt-outs": ("GET", "/console/opt-outs.csv"),
    "add opt-outs": ("POST", "/console/opt-outs"),
    "text again": ("POST", "/console/opt-outs/undo"),
    "senders": ("GET", "/console/senders"),
    "add sender": ("POST", "/console/senders"),
    "drop sender": ("POST", "/console/senders/remove"),
    "keys": ("GET", "/console/keys"),
    "make key": ("POST", "/console/keys"),
    "revoke key": ("POST", "/console/keys/{key}/revoke"),
    "webhooks": ("GET", "/console/webhooks"),
    "deliveries": ("GET", "/console/webhooks/{webhook}"),
    "add webhook": ("POST", "/console/webhooks"),
    "test hook": ("POST", "/console/webhooks/{webhook}/test"),
    "replay hook": ("POST", "/console/webhooks/{webhook}/replay"),
    "hook secret": ("POST", "/console/webhooks/{webhook}/rotate"),
    "enable hook": ("POST", "/console/webhooks/{webhook}/enable"),
    "delete hook": ("POST", "/console/webhooks/{webhook}/delete"),
    "settings": ("GET", "/console/settings"),
    "set hours": ("POST", "/console/settings/hours"),
    "set keywords": ("POST", "/console/settings/keywords"),
}
READS = {"see", "open", "export", "report", "watch", "person", "replies", "credits"}
READS |= {"lists", "opt-outs", "save opt-outs", "senders", "webhooks", "deliveries", "settings"}
CONTROLS = {"pause", "resume", "cancel", "retry", "stop", "start", "opt out"}
CONTROLS |= {"ask to change", "change", "choose a retry"}
CONTROLS |= {"make list", "fill list", "shrink list", "rename list", "delete list"}
CONTROLS |= {"decide", "add opt-outs", "text again", "test hook", "replay hook"}
ADMINISTERS = {"installation", "ask to erase", "erase", "add sender", "drop sender"}
ADMINISTERS |= {"keys", "make key", "revoke key", "set hours", "set keywords"}
ADMINISTERS |= {"add webhook", "hook secret", "enable hook", "delete hook"}
WRITES = {"write", "test", "answer", "leave unread"}
ALLOWED = {
    "viewer": READS,
    "sender": READS | WRITES,
    "manager": READS | CONTROLS | WRITES,
    "operator": READS | CONTROLS | WRITES | ADMINISTERS,
}


async def made_of_each(api: Api) -> dict[str, str]:
    """The id of one of each thing that a path names."""
    store, account = api.story.store, api.story.account.id
    now = wall_clock()
    store.lists.create(account, "list-of-the-matrix", "Matrix", now)
    view, _ = store.endpoints.add(account, "https://example.com/hooks", ["*"], "native", now)
    return {
        "id": (await api.post_batch(api.batch())).json()["id"],
        "list": "list-of-the-matrix",
        "webhook": view.id,
        "key": api.key().key_id,
    }


async def test_each_role_may_do_what_its_key_says_and_is_offered_nothing_else(
    browser: Browsers, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = await made_of_each(api)
    lines = [f"{'':14}" + "".join(f"{role:>10}" for role in ROLES)]
    found: dict[str, set[str]] = {role: set() for role in ROLES}
    for name, (method, path) in ACTIONS.items():
        line = f"{name:14}"
        for role, permissions in ROLES.items():
            one = browser()
            await one.sign_in(*permissions)
            listed = await one.get("/console/campaigns")
            token = listed.form("/sign-out").fields["token"]
            address = path.format(**ids)
            page = await (one.get(address) if method == "GET" else one.post(address, token=token))
            is_allowed = page.status != 403
            line += f"{'yes' if is_allowed else 'no':>10}"
            if is_allowed:
                found[role].add(name)
            if role in ("viewer", "sender"):
                shown = await one.get(f"/console/campaigns/{ids['id']}")
                for action in CONTROLS:
                    assert not listed.offers(f"/{action}") and not shown.offers(f"/{action}")
        lines.append(line)
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201
    assert found == ALLOWED
