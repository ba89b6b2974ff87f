"""The HTTP API of an installation, for commands that work through it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from starter.cli.context import CommandError, data_directory
from starter.cli.environment import VARIABLES, running_stack
from starter.problems import detail_of

ANSWER_SECONDS = 30.0


def open_api(data: Path | None = None) -> httpx.Client:
    """A client of the API with credentials.

    The address and the key come from ``GODWIT_API``, and ``GODWIT_BEARER`` or ``GODWIT_KEY_ID``
    and ``GODWIT_KEY_SECRET``; without ``GODWIT_API`` they are those of the stack that runs on the
    data directory. Raises CommandError if there is neither.
    """
    values = {name: os.environ.get(name, "") for name in VARIABLES}
    if not values["GODWIT_API"]:
        stack = running_stack(data or data_directory())
        values["GODWIT_API"] = stack["api"]
        values["GODWIT_BEARER"] = stack["account"]["bearer"]
    headers, auth = {}, None
    if values["GODWIT_BEARER"]:
        headers["Authorization"] = f"Bearer {values['GODWIT_BEARER']}"
    elif values["GODWIT_KEY_ID"]:
        auth = httpx.BasicAuth(values["GODWIT_KEY_ID"], values["GODWIT_KEY_SECRET"])
    else:
        raise CommandError("GODWIT_API needs GODWIT_BEARER, or GODWIT_KEY_ID and GODWIT_KEY_SECRET")
    try:
        return httpx.Client(
            base_url=values["GODWIT_API"], headers=headers, auth=auth, timeout=ANSWER_SECONDS
        )
    except (httpx.InvalidURL, UnicodeError):
        raise CommandError("GODWIT_API is not a URL, or the bearer is not one") from None


def request(api: httpx.Client, method: str, path: str, body: object = None) -> Any:
    """Call the API once and return its answer; raises CommandError if that is no success."""
    try:
        answer = api.request(method, path, json=body)
    except httpx.TransportError as error:
        raise CommandError(f"the API is not available ({type(error).__name__})") from None
    return content_of(answer)


def content_of(answer: httpx.Response) -> Any:
    """What a successful answer says; raises CommandError for any other one."""
    if not answer.is_success:
        raise fault_of(answer)
    try:
        return answer.json()
    except ValueError:
        raise fault_of(answer) from None


def event_names(given: Sequence[str] | None) -> list[str]:
    """The events that options name, separated by commas; all of them without any."""
    return [name.strip() for one in given or ["*"] for name in one.split(",") if name.strip()]


def fault_of(answer: httpx.Response) -> CommandError:
    """What an answer of the API that is no success says, as one line."""
    said = detail_of(answer)
    return CommandError(f"the API at {answer.url.host} answers {answer.status_code}: {said}")
