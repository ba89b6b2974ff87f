"""The report of a proof says what was sent, what was broken, and how to do it again."""

from starter.proof.faults import Fault
from starter.proof.load import Effort
from starter.proof.report import Report
from starter.proof.verdict import compare

EFFORT = Effort(messages=50_000, seconds=300, every_seconds=5, seed=11, hook="kill -9 $(pgrep x)")


def report(effort: Effort = EFFORT) -> Report:
    return Report(
        began_at="2026-11-29T10:00:00+00:00",
        ended_at="2026-11-29T10:06:00+00:00",
        effort=effort,
        run="12ab",
        installation="a temporary stack",
        verdict=compare([], [], 1),
        faults=[Fault(5.0, "kill a|b"), Fault(10.0, "hook: exit 3"), Fault(15.0, "kill a|b")],
        longest_silence_seconds=1.2,
    )


def test_the_page_has_the_faults_the_versions_and_the_command_of_the_proof() -> None:
    page = report().as_markdown()
    assert "| kill a\\|b | 2 |\n" in page and "| hook: exit 3 | 1 |\n" in page
    assert "From 2026-11-29T10:00:00+00:00 to 2026-11-29T10:06:00+00:00; run 12ab." in page
    assert "temporalio " in page and "python " in page
    command = "godwit prove --messages 50000 --minutes 5 --every 5 --seed 11"
    assert f"```\n{command} --hook 'kill -9 $(pgrep x)'\n```\n" in page


def test_without_a_hook_the_command_has_none() -> None:
    effort = Effort(messages=10, seconds=6, every_seconds=2.5, seed=1, hook="")
    shown = report(effort).as_json()
    assert shown["command"] == "godwit prove --messages 10 --minutes 0.1 --every 2.5 --seed 1"
    assert shown["seed"] == 1 and shown["hook"] == ""
