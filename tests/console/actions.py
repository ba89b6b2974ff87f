"""Every page and form of the console by name, who may use it, and one of each thing they need.

tests/console/test_forms.py fails if a route of the console has no line here.
"""

from store.clock import wall_clock
from tests.conftest import LONG_CODE
from tests.console.browsing import Browser
from tests.console.test_replies import bring
from tests.serving import Api

# Open to everybody, and left out: they have tests of their own in test_access.py.
PUBLIC = {"/console", "/console/sign-in", "/console/sign-out", "/console/link/{}"}
PUBLIC |= {"/console/static/{}"}
WRITER, OPTED_OUT = "%2B14155550190", "%2B14155550191"
ACTIONS = {
    "see": ("GET", "/console/campaigns"),
    "open": ("GET", "/console/campaigns/{id}"),
    "export": ("GET", "/console/campaigns/{id}/messages.csv"),
    "report": ("GET", "/console/campaigns/{id}/report"),
    "watch": ("GET", "/console/campaigns/{id}/events"),
    "ask to change": ("GET", "/console/campaigns/{id}/change"),
    "change": ("POST", "/console/campaigns/{id}/change"),
    "count again": ("POST", "/console/campaigns/{id}/count"),
    "choose a retry": ("GET", "/console/campaigns/{id}/retry"),
    "pause": ("POST", "/console/campaigns/{id}/pause"),
    "resume": ("POST", "/console/campaigns/{id}/resume"),
    "ask to cancel": ("GET", "/console/campaigns/{id}/cancel"),
    "cancel": ("POST", "/console/campaigns/{id}/cancel"),
    "retry": ("POST", "/console/campaigns/{id}/retry"),
    "resolve": ("POST", "/console/campaigns/{id}/resolve"),
    "ask to stop": ("GET", "/console/stop"),
    "stop": ("POST", "/console/stop"),
    "start": ("POST", "/console/start"),
    "drafts": ("GET", "/console/new"),
    "write": ("POST", "/console/new"),
    "see text": ("GET", "/console/new/{draft}/write"),
    "save text": ("POST", "/console/new/{draft}/write"),
    "count": ("POST", "/console/new/{draft}/count"),
    "see recipients": ("GET", "/console/new/{draft}/recipients"),
    "upload": ("POST", "/console/new/{draft}/recipients"),
    "choose column": ("POST", "/console/new/{draft}/columns"),
    "choose list": ("POST", "/console/new/{draft}/list"),
    "save left-out": ("GET", "/console/new/{draft}/rejects.csv"),
    "check": ("GET", "/console/new/{draft}/check"),
    "test": ("POST", "/console/new/{draft}/test"),
    "choose time": ("GET", "/console/new/{draft}/send"),
    "send": ("POST", "/console/new/{draft}/send"),
    "discard": ("POST", "/console/new/{draft}/discard"),
    "person": ("GET", f"/console/people?number={WRITER}"),
    "replies": ("GET", "/console/replies"),
    "conversation": ("GET", f"/console/replies/with?writer={WRITER}&number=%2B18005559876"),
    "credits": ("GET", "/console/credits"),
    "opt out": ("POST", "/console/people/opt-out"),
    "ask to erase": ("GET", f"/console/people/erase?number={WRITER}"),
    "erase": ("POST", "/console/people/erase"),
    "installation": ("GET", "/console/installation"),
    "answer": ("POST", "/console/replies/answer"),
    "leave unread": ("POST", "/console/replies/unread"),
    "decide": ("POST", "/console/replies/decide"),
    "lists": ("GET", "/console/lists"),
    "open list": ("GET", "/console/lists/{list}"),
    "make list": ("POST", "/console/lists"),
    "fill list": ("POST", "/console/lists/{list}/members"),
    "shrink list": ("POST", "/console/lists/{list}/remove"),
    "rename list": ("POST", "/console/lists/{list}/rename"),
    "ask to delete": ("GET", "/console/lists/{list}/delete"),
    "delete list": ("POST", "/console/lists/{list}/delete"),
    "opt-outs": ("GET", "/console/opt-outs"),
    "save opt-outs": ("GET", "/console/opt-outs.csv"),
    "add opt-outs": ("POST", "/console/opt-outs"),
    "ask to undo": ("GET", f"/console/opt-outs/undo?number={OPTED_OUT}"),
    "text again": ("POST", "/console/opt-outs/undo"),
    "senders": ("GET", "/console/senders"),
    "add sender": ("POST", "/console/senders"),
    "ask to drop": ("GET", "/console/senders/remove?address=%2B18005559876"),
    "drop sender": ("POST", "/console/senders/remove"),
    "keys": ("GET", "/console/keys"),
    "make key": ("POST", "/console/keys"),
    "ask to revoke": ("GET", "/console/keys/{key}/revoke"),
    "revoke key": ("POST", "/console/keys/{key}/revoke"),
    "webhooks": ("GET", "/console/webhooks"),
    "deliveries": ("GET", "/console/webhooks/{webhook}"),
    "add webhook": ("POST", "/console/webhooks"),
    "test hook": ("POST", "/console/webhooks/{webhook}/test"),
    "replay hook": ("POST", "/console/webhooks/{webhook}/replay"),
    "hook secret": ("POST", "/console/webhooks/{webhook}/rotate"),
    "enable hook": ("POST", "/console/webhooks/{webhook}/enable"),
    "ask to drop hook": ("GET", "/console/webhooks/{webhook}/delete"),
    "delete hook": ("POST", "/console/webhooks/{webhook}/delete"),
    "settings": ("GET", "/console/settings"),
    "set hours": ("POST", "/console/settings/hours"),
    "set keywords": ("POST", "/console/settings/keywords"),
}
# Answers that are no pages.
FILES = {"export", "watch", "save left-out", "save opt-outs"}
# Forms with a file.
UPLOADS = {"upload", "fill list", "add opt-outs"}
READS = {"see", "open", "export", "report", "watch", "person", "replies", "conversation"}
READS |= {"credits", "lists", "open list", "opt-outs", "save opt-outs", "senders", "webhooks"}
READS |= {"deliveries", "settings"}
CONTROLS = {"pause", "resume", "cancel", "retry", "stop", "start", "opt out"}
CONTROLS |= {"ask to change", "change", "choose a retry", "ask to cancel", "ask to stop"}
CONTROLS |= {"make list", "fill list", "shrink list", "rename list", "ask to delete", "delete list"}
CONTROLS |= {"count again", "resolve"}
CONTROLS |= {"decide", "add opt-outs", "ask to undo", "text again", "test hook", "replay hook"}
ADMINISTERS = {"installation", "ask to erase", "erase", "add sender", "ask to drop", "drop sender"}
ADMINISTERS |= {"keys", "make key", "ask to revoke", "revoke key", "set hours", "set keywords"}
ADMINISTERS |= {"add webhook", "hook secret", "enable hook", "ask to drop hook", "delete hook"}
WRITES = {"drafts", "write", "see text", "save text", "count", "see recipients", "upload"}
WRITES |= {"choose column", "choose list", "save left-out", "check", "test", "choose time", "send"}
WRITES |= {"discard", "answer", "leave unread"}
ALLOWED = {
    "viewer": READS,
    "sender": READS | WRITES,
    "manager": READS | CONTROLS | WRITES,
    "operator": READS | CONTROLS | WRITES | ADMINISTERS,
}


async def made_of_each(api: Api) -> dict[str, str]:
    """The id of one of each thing that a path names, but for a draft, which belongs to a key."""
    store, account = api.story.store, api.story.account.id
    now = wall_clock()
    store.lists.create(account, "list-of-the-matrix", "Matrix", now)
    store.opt_outs.add(account, "+14155550191", "file", now)
    bring(api, "When is it?", 1)
    view, _ = store.endpoints.add(account, "https://example.com/hooks", ["*"], "native", now)
    return {
        "id": (await api.post_batch(api.batch())).json()["id"],
        "list": "list-of-the-matrix",
        "webhook": view.id,
        "key": api.key().key_id,
    }


async def written_draft(one: Browser) -> str:
    """Write a draft to two people and check it; returns its id."""
    page = await one.send((await one.get("/console/new")).form("/console/new"))
    path = str(page.answer.url.path).removesuffix("/write")
    await one.send(page.form("/write"), text="Hello", sender=LONG_CODE, purpose="transactional")
    form = (await one.get(f"{path}/recipients")).form("/recipients")
    data = {"token": form.fields["token"], "pasted": "+14155550160\n+14155550161"}
    await one.http.post(form.action, data=data, files={"file": ("", b"")})
    assert "2 people" in (await one.get(f"{path}/check")).text
    return path.rpartition("/")[2]
