"""A browser without scripts: it keeps cookies, reads pages, and sends the forms on them."""

import html
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from store.accounts.api_keys import KeyPair
from tests.serving import Api

ROLES = {
    "viewer": ("read:Campaigns",),
    "sender": ("read:Campaigns", "create:BatchSMS"),
    "manager": ("read:Campaigns", "create:BatchSMS", "manage:Campaigns"),
    "operator": ("*",),
}


@dataclass
class Form:
    """A form of a page: where it goes, and its fields with their values."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page with its text, forms, links and every attribute."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self._texts: list[str] = []
        self.feed(answer.text)
        self.text = " ".join(" ".join(self._texts).split())
        self.title = html.unescape(answer.text.partition("<title>")[2].partition("</title>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See :class:`html.parser.HTMLParser`."""
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in values.items()]
        if tag == "form":
            self.forms.append(Form(values.get("method", "get"), values.get("action", "")))
        elif tag == "a":
            self.links.append(values.get("href", ""))
        elif tag in ("input", "select", "textarea") and self.forms:
            if name := values.get("name"):
                self.forms[-1].fields[name] = values.get("value", "")

    def handle_data(self, data: str) -> None:
        """See :class:`html.parser.HTMLParser`."""
        self._texts.append(data)

    def form(self, action: str) -> Form:
        """The form that goes to a path ending so."""
        return next(form for form in self.forms if form.action.endswith(action))

    def offers(self, path: str) -> bool:
        """Whether a form or a link of the page goes to a path ending so."""
        return any(one.endswith(path) for one in (*self.links, *(f.action for f in self.forms)))


class Browser:
    """One browser, with its own cookies."""

    def __init__(self, api: Api, address: str) -> None:
        self.api = api
        transport = httpx.ASGITransport(api.app, raise_app_exceptions=False, client=(address, 1))
        self.http = httpx.AsyncClient(
            transport=transport, base_url="http://godwit", follow_redirects=True
        )

    async def get(self, path: str) -> Page:
        """Open a page."""
        return Page(await self.http.get(path))

    async def post(self, path: str, **fields: str) -> Page:
        """Send fields as they are, without the token of a page."""
        return Page(await self.http.post(path, data=fields))

    async def send(self, form: Form, **fields: str) -> Page:
        """Send a form of a page with some fields filled in."""
        return Page(await self.http.post(form.action, data={**form.fields, **fields}))

    async def sign_in(self, *permissions: str) -> KeyPair:
        """Sign in with a new key of the account."""
        pair = self.api.key(*permissions)
        form = (await self.get("/console/sign-in")).form("/sign-in")
        page = await self.send(form, keyId=pair.key_id, keySecret=pair.secret)
        assert page.status == 200 and str(page.answer.url).endswith("/console/campaigns")
        return pair
