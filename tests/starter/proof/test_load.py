"""The load of a proof is a function of its seed, and repeats what was not answered."""

import httpx
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.proof.load import SIZES, CannotProve, PlannedCampaign, Sender, number_of, plan_load

ONE = PlannedCampaign(0, 0.0, 1, 0.0)


@given(st.integers(1, 20_000), st.floats(1, 600), st.integers())
def test_a_plan_has_so_many_messages_within_its_time(
    messages: int, seconds: float, seed: int
) -> None:
    plans = plan_load(messages, seconds, seed)
    assert sum(one.size for one in plans) == messages
    assert [one.at for one in plans] == sorted(one.at for one in plans)
    assert all(0 <= one.at and one.at + one.spread_seconds <= seconds for one in plans)
    assert plans == plan_load(messages, seconds, seed)


def test_numbers_of_a_campaign_differ_and_are_valid_and_ordinary() -> None:
    numbers = [number_of(index) for index in range(300_000)]
    assert len(set(numbers)) == len(numbers)
    assert all(number[5:8] == "555" and number[8:] >= "1000" for number in numbers)
    for number in {number[:5]: number for number in numbers}.values():
        assert phonenumbers.is_possible_number(phonenumbers.parse(number))
    body = PlannedCampaign(3, 0.0, SIZES[-1], 36.0).body("run")
    assert len({one["to"] for one in body["recipients"]}) == SIZES[-1]
    assert body["spreadHours"] == 0.01


def api(*answers: httpx.Response | httpx.TransportError) -> tuple[httpx.Client, list[bytes]]:
    """A client whose server gives these answers, and the bodies that it got."""
    left, bodies = list(answers), list[bytes]()

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        given = left.pop(0)
        if isinstance(given, httpx.TransportError):
            raise given
        return given

    return httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)), bodies


def test_what_is_not_answered_is_sent_again_with_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("starter.proof.load.AGAIN_SECONDS", 0.0)
    client, bodies = api(
        httpx.ConnectError("refused"),
        httpx.Response(503, json={"title": "not available"}),
        httpx.Response(201, json={"id": "cmp_1"}),
    )
    assert Sender(client, "run", 60).post(ONE) == "cmp_1"
    assert len(bodies) == 3 and len(set(bodies)) == 1 and b"prove-run-0" in bodies[0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(402, json={"title": "too few credits"}), "answers 402.*too few credits"),
        (httpx.Response(422, json={"errors": [{"detail": "too long"}]}), "422.*: too long"),
        (httpx.Response(404, text="gone"), "404.*: not an answer of Godwit"),
    ],
)
def test_a_refusal_is_said_and_not_repeated(answer: httpx.Response, message: str) -> None:
    client, bodies = api(answer)
    with pytest.raises(CannotProve, match=message):
        Sender(client, "run", 60).post(ONE)
    assert len(bodies) == 1


def test_an_installation_that_stays_away_ends_the_proof() -> None:
    client, _ = api(httpx.ConnectError("refused"))
    with pytest.raises(CannotProve, match="does not answer .ConnectError. to POST"):
        Sender(client, "run", -1).post(ONE)
