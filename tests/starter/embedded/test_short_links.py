"""The embedded stack knows its own address: links are shortened, followed and counted."""

import re
from pathlib import Path

import httpx
import pytest

from tests.running import stack

pytestmark = pytest.mark.stack
LONG = "https://shop.example.com/sale?id=1"


def test_links_are_shortened_without_any_setting_and_lead_on(tmp_path: Path) -> None:
    with stack(tmp_path / "data") as running:
        batch = {
            "recipients": [
                {"recipient": "447900000001", "reference": "aaa", "meta": {"NAME": "John"}},
                {"recipient": "447900000002", "reference": "bbb", "meta": {"NAME": "Jack"}},
            ],
            "text": f"Hello {{{{NAME}}}}, see {LONG}",
            "originator": running.description["account"]["senders"][0].removeprefix("+"),
            "name": "My Campaign",
            "shortenUrls": True,
            "excludeDuplicates": True,
            "excludeOptOuts": True,
            "spreadHours": 0,
        }
        api, bearer = running.description["api"], running.description["account"]["bearer"]
        answer = httpx.post(
            f"{api}/send/batch",
            json=batch,
            headers={"authorization": f"Bearer {bearer}"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        campaign_id = answer.json()["record"]["id"]
        messages = running.get(f"/v1/campaigns/{campaign_id}/messages")["messages"]
        start = re.escape(f"{api}/s/")
        links = [re.search(rf"{start}\w{{10}}", message["text"]) for message in messages]
        assert len(links) == 2 and links[0] is not None and links[1] is not None
        followed = httpx.get(links[0][0], trust_env=False, headers={"user-agent": "Firefox"})
        assert (followed.status_code, followed.headers["location"]) == (302, LONG)
        httpx.get(links[1][0], trust_env=False, headers={"user-agent": "WhatsApp/2.23.20.0 A"})
        counts = running.get(f"/v1/campaigns/{campaign_id}")["clicks"]
        assert (counts["total"], counts["unique"]) == (1, 1)
