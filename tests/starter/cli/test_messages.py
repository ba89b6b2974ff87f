"""``godwit why`` and ``godwit resolve`` find a recipient by any form of the number."""

from collections.abc import Callable

import pytest

from tests.starter.cli.conftest import CommandLine
from tests.store.builders import StoreBuilder, number


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
