"""Every run of chaos says at the end what it came to."""

import pytest

ROW = "chaos"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each run: sends, kills, and what was lost, doubled or left in doubt."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [dict(report.user_properties)[ROW] for report in reports if report.user_properties]
    if rows:
        terminalreporter.section("chaos")
    for row in rows:
        terminalreporter.line(" ".join(f"{name}={value}" for name, value in row.items()))
