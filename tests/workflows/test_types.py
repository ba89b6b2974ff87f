"""The types of a step catch what is misspelt in the workflow."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.test_layout import ROOT

# What is written wrong, and a word of what the checker says of it.
MISTAKES = (
    ("settled.tally", "settled.talyy", "talyy"),
    (
        'Planning.find_next_waves, self.ref, "look for what is due next"',
        'Planning.find_next_waves, self.input, "look for what is due next"',
        "CampaignInput",
    ),
    (
        "self.state.carrier_down = result.down",
        "self.state.carier_down = result.down",
        "carier_down",
    ),
)


def check(directory: Path) -> str:
    """Check the types of a copy of the workflows; what the checker says of campaign.py."""
    settings = ROOT / "pyproject.toml"
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", settings, "-p", "workflows"],
        cwd=directory,
        capture_output=True,
        text=True,
    )
    return found.stdout


def test_a_misspelt_result_input_or_field_of_the_state_fails_the_type_check(
    tmp_path: Path,
) -> None:
    for package in ("workflows", "activities", "campaign", "telemetry"):
        shutil.copytree(ROOT / package, tmp_path / package)
    assert "Success" in check(tmp_path)
    workflow = tmp_path / "workflows" / "campaign.py"
    text = workflow.read_text("utf-8")
    for right, wrong, _ in MISTAKES:
        assert right in " ".join(text.split()), f"{right} is no longer there"
        text = text.replace(right, wrong)
    workflow.write_text(text, "utf-8")
    said = check(tmp_path)
    for _, _, word in MISTAKES:
        assert word in said, said
