"""Every form of the console: who may send it, and that it needs a token of its session."""

import re
from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute

from tests.console.actions import (
    ACTIONS,
    ALLOWED,
    CONTROLS,
    FILES,
    PUBLIC,
    UPLOADS,
    made_of_each,
    written_draft,
)
from tests.console.browsing import ROLES, Browser, Page
from tests.serving import Api

pytestmark = pytest.mark.one_store
Browsers = Callable[[], Browser]


def shape(path: str) -> str:
    """A path without its query and the names of its ids."""
    return re.sub(r"\{[a-z]+\}", "{}", path.partition("?")[0])


async def test_every_route_of_the_console_has_a_line_in_the_matrix(api: Api) -> None:
    served = {
        (method, shape(route.path))
        for route in api.app.routes
        if isinstance(route, APIRoute) and shape(route.path).startswith("/console")
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert len(served) > 70
    listed = [(method, shape(path)) for method, path in ACTIONS.values()]
    assert len(set(listed)) == len(listed)
    assert {one for one in served if one[1] not in PUBLIC} == set(listed)


async def test_no_form_works_without_the_token_of_its_session(browser: Browsers, api: Api) -> None:
    ids = await made_of_each(api)
    one, other = browser(), browser()
    await one.sign_in()
    await other.sign_in()
    ids["draft"] = await written_draft(one)
    foreign = (await other.get("/console/campaigns")).form("/sign-out").fields["token"]
    forms = {name: path for name, (method, path) in ACTIONS.items() if method == "POST"}
    forms |= {"sign in": "/console/sign-in", "sign out": "/console/sign-out"}
    for name, path in forms.items():
        for fields in ({}, {"token": ""}, {"token": foreign}, {"token": "é"}):
            address = path.format(**ids)
            if name in UPLOADS:
                files = {"file": ("a.csv", b"to\n+14155550190\n")}
                page = Page(await one.http.post(address, data=fields, files=files))
            else:
                page = await one.post(address, **fields)
            assert page.status == 403 and "open too long" in page.text, path
    store, account = api.story.store, api.story.account.id
    assert store.brakes.in_force() == [] and len(store.opt_outs.list(account)) == 1
    assert len(store.endpoints.list(account)) == len(store.lists.list(account)) == 1
    assert (await one.get(f"/console/new/{ids['draft']}/send")).status == 200


async def test_every_form_of_every_page_has_a_token(browser: Browsers, api: Api) -> None:
    ids = await made_of_each(api)
    one = browser()
    pages = [await one.get("/console/sign-in")]
    await one.sign_in()
    ids["draft"] = await written_draft(one)
    for name, (method, path) in ACTIONS.items():
        if method == "GET" and name not in FILES:
            pages.append(await one.get(path.format(**ids)))
            assert pages[-1].status == 200, path
    forms = [form for page in pages for form in page.forms if form.method == "post"]
    assert len(forms) > 60 and all(form.fields.get("token") for form in forms)
    assert {form.method for page in pages for form in page.forms} == {"get", "post"}


async def test_each_role_may_do_what_its_key_says_and_is_offered_nothing_else(
    browser: Browsers, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = await made_of_each(api)
    found: dict[str, set[str]] = {role: set() for role in ROLES}
    for role, permissions in ROLES.items():
        one = browser()
        await one.sign_in(*permissions)
        listed = await one.get("/console/campaigns")
        token = listed.form("/sign-out").fields["token"]
        for name, (method, path) in ACTIONS.items():
            # A draft belongs to the key that wrote it.
            if "{draft}" in path and name in ALLOWED[role]:
                ids["draft"] = await written_draft(one)
            address = path.format(**{"draft": "x", **ids})
            page = await (one.get(address) if method == "GET" else one.post(address, token=token))
            if page.status != 403:
                found[role].add(name)
                assert page.status != 404 or "{draft}" not in path, name
        if role in ("viewer", "sender"):
            shown = await one.get(f"/console/campaigns/{ids['id']}")
            for action in CONTROLS:
                assert not listed.offers(f"/{action}") and not shown.offers(f"/{action}")
    lines = [f"{'':16}" + "".join(f"{role:>10}" for role in ROLES)]
    for name in ACTIONS:
        answers = ("yes" if name in found[role] else "no" for role in ROLES)
        lines.append(f"{name:16}" + "".join(f"{one:>10}" for one in answers))
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201
    assert found == ALLOWED


async def test_ids_of_another_account_lead_nowhere(browser: Browsers, api: Api) -> None:
    ids = await made_of_each(api)
    one, other = browser(), browser()
    await one.sign_in()
    ids["draft"] = await written_draft(one)
    _, pair = api.story.store.accounts.create("other", 0)
    form = (await other.get("/console/sign-in")).form("/sign-in")
    page = await other.send(form, keyId=pair.key_id, keySecret=pair.secret)
    token = page.form("/sign-out").fields["token"]
    for name, (method, path) in ACTIONS.items():
        if "{" not in path:
            continue
        address = path.format(**ids)
        if name in UPLOADS:
            files = {"file": ("a.csv", b"to\n+14155550190\n")}
            page = Page(await other.http.post(address, data={"token": token}, files=files))
        else:
            page = await (
                other.get(address) if method == "GET" else other.post(address, token=token)
            )
        assert page.status == 404, name
