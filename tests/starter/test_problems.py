"""What commands show of a problem document."""

from typing import Any

import httpx
import pytest

from starter.cli.api_access import fault_of
from starter.problems import detail_of

FAULTS = [{"place": "text", "detail": "too long"}, {"place": "sender", "detail": "unknown"}]
OTHER = "not an answer of Godwit"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"title": "the request is invalid", "errors": FAULTS}, "too long"),
        ({"title": "no such campaign"}, "no such campaign"),
        ({"title": "invalid", "errors": [{"place": "text"}]}, "invalid"),
        ({"detail": "Not Found"}, OTHER),
        ({"title": "invalid", "errors": {}}, "invalid"),
        ({"title": "invalid", "errors": "text"}, OTHER),
        (["title"], OTHER),
        (None, OTHER),
    ],
)
def test_the_first_fault_of_a_problem_is_said_or_else_its_title(document: Any, said: str) -> None:
    assert detail_of(httpx.Response(400, json=document)) == said


def test_a_command_says_the_same_with_host_and_status() -> None:
    answer = httpx.Response(
        400, json={"title": "invalid", "errors": FAULTS}, request=httpx.Request("GET", "http://x")
    )
    assert str(fault_of(answer)) == "the API at x answers 400: too long"
    assert detail_of(httpx.Response(404, text="gone")) == OTHER
