"""Hosts that accounts can have for their short links."""

import pytest

from campaign.short_link_hosts import base_url_of, own_host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("go.example", "go.example"),
        (" Go.Example. ", "go.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("localhost", None),
        ("127.0.0.1", None),
        ("::1", None),
        ("go.example:8080", None),
        ("https://go.example", None),
        ("go.example/s", None),
        ("user@go.example", None),
        ("go_.example", None),
        ("bit.ly", None),
        ("paypa1.com", None),
        ("", None),
    ],
)
def test_a_host_is_a_name_that_is_nobody_elses(written: str, host: str | None) -> None:
    assert own_host(written) == host


def test_links_keep_the_scheme_and_path_of_the_installation() -> None:
    assert base_url_of("http://127.0.0.1:8080/s", "go.example") == "http://go.example/s"
    assert base_url_of("", "go.example") == "https://go.example/s"
    assert base_url_of("https://x.example/l", None) == "https://x.example/l"
    assert base_url_of("", None) == ""
