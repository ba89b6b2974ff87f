"""Settings as the environment gives them."""

import os

import pytest
from pydantic import SecretStr, ValidationError

from campaign.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the environment in which the tests run."""
    for name in os.environ:
        if name.startswith("GODWIT_"):
            monkeypatch.delenv(name)


def test_a_bare_environment_is_enough() -> None:
    settings = Settings()
    assert settings.database_url.startswith("sqlite:///")
    assert settings.retry_backoff_seconds == (5.0, 30.0, 120.0, 600.0)
    assert settings.allow_private_urls is False


@pytest.mark.parametrize(
    ("written", "read"),
    [("5,30,120", (5.0, 30.0, 120.0)), (" 1.5 , 2 ", (1.5, 2.0)), ("7", (7.0,)), ("", ())],
)
def test_the_waits_of_retries_are_a_list_with_commas(
    written: str, read: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODWIT_RETRY_BACKOFF_SECONDS", written)
    assert Settings().retry_backoff_seconds == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GODWIT_API_PORT", "65536"),
        ("GODWIT_CHUNK_SIZE", "0"),
        ("GODWIT_CHUNKS_AT_ONCE", "65"),
        ("GODWIT_SEND_TIMEOUT_SECONDS", "0"),
        ("GODWIT_RETRY_BACKOFF_SECONDS", "soon"),
        ("GODWIT_RECEIPTS_GRACE_SECONDS", "-1"),
    ],
)
def test_a_value_out_of_bounds_is_refused_at_the_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_a_variable_that_is_none_of_ours_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODWIT_WINGSPAN", "70cm")
    assert not hasattr(Settings(), "wingspan")


def test_the_secret_key_is_never_shown() -> None:
    settings = Settings(secret_key=SecretStr("open sesame"))
    assert "sesame" not in f"{settings!r} {settings}"
    assert settings.secret_key.get_secret_value() == "open sesame"
