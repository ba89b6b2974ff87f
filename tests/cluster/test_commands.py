"""The documents' commands for Docker, as the cluster carries them out."""

import pytest

from tests.cluster.commands import parse
from tests.cluster.restores import CASES, Case
from tests.documented import OPERATIONS, RESTORE_DRILL, commands


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.heading)
def test_every_command_of_a_restore_is_one_that_the_cluster_carries_out(case: Case) -> None:
    for command in commands(RESTORE_DRILL, case.heading):
        parse(command)


def test_every_copy_of_the_installation_is_made_by_a_command_that_the_cluster_carries_out() -> None:
    copies = [line for line in commands(OPERATIONS, "Back up") if "docker" in line]
    assert [parse(line)[1][0] for line in copies] == ["postgres", "postgres"]
    assert all(sum(case.tool in line for line in copies) == 1 for case in CASES)


def test_a_command_that_nothing_stands_for_is_named() -> None:
    with pytest.raises(ValueError, match="docker compose pause"):
        parse("docker compose pause worker")
    assert parse("docker compose up --detach --scale worker=0") == ("up", ("worker", ""))
    assert parse("docker compose up --detach --wait postgres") == ("up", ("", "postgres"))
