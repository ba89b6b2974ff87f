"""Every rule that is a file is also in force."""

from pathlib import Path

import campaign.rules
from campaign.rules import JUDGEMENT, SHAPE
from tests.campaign.making import draft, evidence, unchecked

# Reads replies; it judges no campaign.
NO_ADMISSION_RULE = {"opt_outs"}


def test_every_file_with_a_rule_is_in_one_of_the_two_lists() -> None:
    (directory,) = campaign.rules.__path__
    files = {path.stem for path in Path(directory).glob("[a-z]*.py")}
    listed = [check.__module__.rpartition(".")[2] for check in (*SHAPE, *JUDGEMENT)]
    assert sorted(listed) == sorted(files - NO_ADMISSION_RULE)


def test_an_ordinary_campaign_passes_every_rule() -> None:
    assert [refusal for check in SHAPE for refusal in check(unchecked(draft(10)))] == []
    assert [refusal for check in JUDGEMENT for refusal in check(evidence())] == []
