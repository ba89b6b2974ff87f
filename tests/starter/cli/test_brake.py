"""``godwit stop`` and ``start``: the operator's brake, without Temporal and without the API."""

from tests.starter.cli.conftest import CommandLine
from tests.store.builders import StoreBuilder


def test_a_stop_is_in_force_when_the_command_returns_and_is_named_everywhere(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign = builder.admit(2)
    stopped = godwit("stop", "--all")
    assert stopped.code == 0 and stopped.err == ""
    assert stopped.out.startswith("STOPPED  every account since ")
    assert stopped.out.endswith("1 campaign is paused by it\n")
    assert builder.flush_and_claim(campaign).held
    assert "STOPPED  every account" in godwit("list").out
    assert "moved by the length of the stop" in godwit("status", campaign).out
    installation = godwit("status")
    assert installation.code == 1 and "sending   NOT READY stopped since" in installation.out
    assert godwit("resume", campaign).fault == (
        "sending is stopped; start it before you resume a campaign"
    )
    # The store has the order to go on; Temporal, which is away, gets it later.
    started = godwit("start", "--all")
    assert (started.code, started.out) == (0, "sending is not stopped any more for every account\n")
    view = builder.store.campaigns.get(campaign)
    assert view is not None and (view.problem, view.ordered) == (None, "resume")
    assert godwit("start", "--all").code == 0
    assert "STOPPED" not in godwit("list").out


def test_a_stop_of_one_account_leaves_another_alone_and_is_the_operators(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    godwit("account", "create", "beta")
    assert "(accounts: acme, beta)" in godwit("stop").fault
    assert godwit("stop", "--all", "--account", "acme").fault == (
        "give --account or --all, not both"
    )
    assert godwit("stop", "--account", "beta").code == 0
    campaign = builder.admit(1)
    assert builder.claimed(campaign) == [0]
    (stop,) = builder.store.brakes.in_force()
    assert stop.by_operator and stop.scope != builder.account_id
    godwit("stop", "--all")
    held = godwit("start", "--account", "beta")
    assert held.code == 1 and "STOPPED  every account" in held.out
    assert godwit("start", "--all").code == 0 and builder.store.brakes.in_force() == []


def test_g2_closing_an_account_says_what_it_holds(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign = builder.admit(2)
    closed = godwit("account", "set", "acme", "--no-active")
    assert closed.out.endswith("The account is closed: 1 campaign is paused.\n")
    assert builder.flush_and_claim(campaign).held
    assert "Its account is closed" in godwit("status", campaign).out
    godwit("account", "set", "acme", "--active")
    assert godwit("sender", "remove", "+18005559876").fault == (
        "2 messages wait to leave from +18005559876: cancel their campaigns or wait for their end, "
        "then remove it"
    )
