"""``godwit why`` and ``godwit resolve`` find a recipient by any form of the number."""

from collections.abc import Callable

import pytest

from campaign.states import MessageStatus
from tests.starter.cli.conftest import CommandLine, ended
from tests.store.builders import NOW, StoreBuilder, number, outcome


@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda to: to[1:],
        lambda to: f"00{to[1:]}",
        lambda to: f"{to[:2]} ({to[2:5]}) {to[5:]}",
        lambda to: f"{to[1:]}.0",
    ],
)
def test_a_message_is_found_by_any_form_of_its_number(
    godwit: CommandLine, builder: StoreBuilder, write: Callable[[str], str]
) -> None:
    campaign = builder.admit(2)
    written = write(number(0))
    (story,) = godwit("why", campaign, written, "--json").json
    assert number(0) in str(story)
    assert "not in state unknown" in godwit("resolve", campaign, written, "sent").fault
    (found,) = godwit("find", written, "--json").json
    assert (found["campaignId"], found["to"], found["status"]) == (campaign, number(0), "queued")


def test_messages_to_a_number_are_found_in_all_campaigns_newest_first(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    first, second = ended(builder), builder.admit(1, now=NOW + 1)
    other = godwit("account", "create", "beta", "--json").json["accountId"]
    theirs = StoreBuilder(builder.store, other)
    lines = [line.split() for line in godwit("find", number(0)).out.splitlines()]
    assert [line[:3] for line in lines] == [
        [second, f"{second}-0", "queued"],
        [first, f"{first}-0", "sent"],
    ]
    assert len(godwit("find", number(0), "--limit", "1").out.splitlines()) == 1
    assert "failed (invalid_number)" in godwit("find", number(3)).out
    nothing = godwit("find", number(0), "--account", theirs.account_id)
    assert nothing.code == 1 and "there is no message to" in nothing.err
    assert godwit("find", "+14155559999", "--json").code == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("queued", None, "It waits to be sent and is due 2024-10-04 00:00:00 UTC ("),
        ("retryable", "unavailable", "It was put off, because the carrier was unavailable"),
        ("delivered", None, "It was delivered at 2024-10-04 00:00:01 UTC."),
        ("undelivered", "expired", "The carrier took it and reported at 2024-10-04 00:00:01 UTC"),
        ("failed", "invalid_number", "because the carrier calls the number invalid (invalid_num"),
        ("skipped", "opted_out", "It was not sent, because the recipient opted out (opted_out)."),
        ("cancelled", "campaign_cancelled", "cancelled before it left, because its campaign was"),
        ("unknown", "timeout", "Nobody knows whether it left, because the carrier did not answer"),
    ],
)
def test_why_is_told_in_sentences(
    godwit: CommandLine, builder: StoreBuilder, status: str, code: str | None, expected: str
) -> None:
    campaign = builder.admit(1)
    builder.execute(
        "UPDATE message SET status = :status, reason = :code, final_at = :at",
        status=status,
        code=code,
        at=NOW + 1_000,
    )
    first, second, *_ = godwit("why", campaign, number(0)).out.splitlines()
    assert first == (
        f"{campaign}-0 is the sms at position 0 from +18005559876 to {number(0)}, 1 segment."
    )
    assert expected in second and second.endswith(".")


def test_why_tells_each_attempt_and_what_holds_a_message(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    put_off = outcome(0, MessageStatus.RETRYABLE, at=NOW + 400, code="timeout", due_at=NOW + 9)
    builder.write(campaign, put_off)
    builder.store.brakes.stop(None, NOW, by_operator=True)
    _, state, attempt = godwit("why", campaign, number(0)).out.splitlines()
    assert state.endswith("; its campaign is held (stopped).")
    assert attempt == (
        "Attempt 1 through pretend began at 2024-10-04 00:00:00 UTC and ended 0.4 s later: "
        "retryable, the carrier did not answer in time (timeout)."
    )
