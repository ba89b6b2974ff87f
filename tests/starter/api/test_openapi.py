"""The OpenAPI document is complete, and two linters find nothing in it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from starter.api.openapi import Document, operations
from store.store import open_store
from tests.starter.api.test_app import away
from tests.test_layout import ROOT

FILES = ROOT / "tests" / "openapi"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
LINTERS = CACHE / "godwit" / "api-linters" / "node_modules" / ".bin"
# Nobody needs credentials for these, and callers of the first three can do nothing wrong.
SERVICE = ("/healthz", "/readyz", "/metrics")
PUBLIC = (*SERVICE, "/s/{code}", "/carriers/{name}/receipts", "/carriers/{name}/inbound")


@pytest.fixture
def document(tmp_path: Path) -> Document:
    """The document of an installation that is not set up in any way."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'godwit.db'}")
    store = open_store(settings)
    context = ApiContext(settings, store, away(RuntimeError()), RequestLimiter("memory://"))
    made = create_app(context).openapi()
    store.close()
    return made


def is_typed(response: dict[str, Any]) -> bool:
    """Whether a response says what its body is."""
    contents = response.get("content", {}).values()
    return bool(contents) and all(content.get("schema") for content in contents)


def untyped(document: Document) -> set[str]:
    """The operations without a typed success or without a typed failure."""
    faults = set()
    for path, _, operation in operations({"paths": document["paths"]}):
        by_status = operation["responses"].items()
        successes = [
            is_typed(one) or code in ("204", "302") for code, one in by_status if code[0] in "23"
        ]
        failures = [is_typed(one) for code, one in by_status if code[0] in "45"]
        if not successes or not all(successes):
            faults.add(operation["operationId"])
        if path not in SERVICE and not (failures and all(failures)):
            faults.add(operation["operationId"])
    return faults


def test_every_operation_has_typed_answers_and_failures(document: Document) -> None:
    of_vendors = {
        operation["operationId"]
        for path, _, operation in operations({"paths": document["paths"]})
        if not path.startswith(("/v1/", "/carriers/", "/s/", *SERVICE)) or "/verify/" in path
    }
    assert untyped(document) <= of_vendors
    total = len(list(operations({"paths": document["paths"]})))
    assert total - len(of_vendors) >= 50


def test_every_operation_has_security_a_tag_and_an_id_of_its_own(document: Document) -> None:
    schemes = document["components"]["securitySchemes"]
    tags = [tag["name"] for tag in document["tags"]]
    ids = []
    for path, method, operation in operations(document):
        ids.append(operation["operationId"])
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", operation["operationId"]), (method, path)
        assert set(operation["tags"]) <= set(tags), (method, path)
        assert operation.get("description") and operation["summary"], (method, path)
        named = {name for one in operation["security"] for name in one}
        assert named <= set(schemes), (method, path)
        is_open = path in PUBLIC or path in document["webhooks"]
        assert bool(named) != is_open, (method, path)
        assert ("tsa" in named) == ("/verify/" in path), (method, path)
    assert len(set(ids)) == len(ids)
    assert {"createCampaign", "pauseCampaign", "sendMobivateBatch"} <= set(ids)
    assert tags[0] == "Campaigns" and tags[-1] == "Service"


def test_every_problem_type_has_an_example_that_is_referred_to(document: Document) -> None:
    text = json.dumps(document)
    for name, example in document["components"]["examples"].items():
        assert f"#/components/examples/{name}" in text
        assert name.startswith(example["value"]["type"].rpartition(":")[2])


def test_the_campaign_in_the_document_is_the_one_in_the_examples(document: Document) -> None:
    (shown,) = document["components"]["schemas"]["CampaignBody"]["examples"]
    assert shown == json.loads((ROOT / "examples" / "campaign.json").read_text("utf-8"))


def test_the_servers_are_the_public_address_where_there_is_one(document: Document) -> None:
    assert [server["url"] for server in document["servers"]] == ["/"]
    assert document["openapi"].startswith("3.1") and "$defs" not in json.dumps(document)


@pytest.mark.skipif(not LINTERS.is_dir(), reason="make api-linters could not install them")
def test_redocly_and_spectral_find_nothing(document: Document, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document, indent=1))
    shutil.copy(FILES / "redocly.yaml", tmp_path / "redocly.yaml")
    shutil.copy(FILES / "redocly-ignore.yaml", tmp_path / ".redocly.lint-ignore.yaml")
    shutil.copy(FILES / "spectral.yaml", tmp_path / ".spectral.yaml")
    silence = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    for command in (
        ["redocly", "lint", "--format=json", "openapi.json"],
        ["spectral", "lint", "--format=json", "--fail-severity=hint", "openapi.json"],
    ):
        done = subprocess.run(
            [LINTERS / command[0], *command[1:]],
            cwd=tmp_path,
            env=os.environ | silence,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        start = done.stdout.index("[" if command[0] == "spectral" else "{")
        found, _ = json.JSONDecoder().raw_decode(done.stdout, start)
        if command[0] == "redocly":
            found = [one for one in found["problems"] if not one.get("ignored")]
        assert found == []
