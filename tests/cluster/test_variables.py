"""Variables in Compose files."""

from pathlib import Path

import pytest

from tests.cluster.variables import Missing, interpolate, read_env

VARIABLES = {"SET": "yes", "EMPTY": "", "PORT": "9000"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$SET and ${SET}", "yes and yes"),
        ("${UNSET}", ""),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${UNSET-default}", "default"),
        ("${SET:+other}", "other"),
        ("${EMPTY:+other}", ""),
        ("http://localhost:${UNSET:-${PORT:-80}}/", "http://localhost:9000/"),
        ("$$SET costs 5$", "$SET costs 5$"),
    ],
)
def test_variables_and_their_defaults_are_replaced(text: str, value: str) -> None:
    assert interpolate({"a": [text, 7]}, VARIABLES) == {"a": [value, 7]}


def test_a_required_variable_that_is_empty_is_named_by_the_text_of_the_file() -> None:
    with pytest.raises(Missing, match="set EMPTY in .env"):
        interpolate("${EMPTY:?set EMPTY in .env}", VARIABLES)


def test_an_env_file_has_comments_quotes_and_empty_values(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('# A=1\nB=2\nC="three words"\n\nexport D=\nE=a=b\n')
    assert read_env(file) == {"B": "2", "C": "three words", "D": "", "E": "a=b"}
