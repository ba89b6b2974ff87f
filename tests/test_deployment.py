"""docker-compose.yml, Dockerfile and deploy/: what can be held against a schema and the code."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service.get("build")}
# What runs once and ends.
JOBS = {"temporal-schema", "temporal-namespace", "migrate"}


def test_the_compose_file_is_valid_by_its_schema() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_parts_of_a_whole_installation_are_there() -> None:
    assert {"api", "worker", "migrate", "carrier"} == OURS
    assert {"postgres", "temporal", "temporal-ui"} <= set(SERVICES)


def test_every_image_is_pinned_to_a_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?", image), image


@pytest.mark.parametrize("name", sorted(set(SERVICES) - JOBS))
def test_what_stays_up_has_a_health_check_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_dependencies_wait_for_health_or_success_of_parts_that_exist() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, name
            expected = "service_completed_successfully" if needed in JOBS else "service_healthy"
            assert how["condition"] == expected, (name, needed)


def test_no_secret_is_written_down_and_each_is_asked_for() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for name in re.findall(r"^\s+\w*(?:PASSWORD|PWD|SECRET)\w*: (\S+)", text, re.MULTILINE):
        assert re.match(r"\$\{\w+:\?", name), name


class ComposeLoader(yaml.SafeLoader):
    """Reads Compose's own tags, such as ``!override``, as the values that they stand before."""


def override(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """The mapping or list that takes the place of another file's."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


ComposeLoader.add_constructor("!override", override)


def test_compose_passes_what_another_cluster_needs_and_starts_no_temporal() -> None:
    passed = COMPOSE["x-godwit-environment"]
    named = re.findall(
        r"^#?(TEMPORAL_(?:ADDRESS|NAMESPACE|API_KEY|TLS)\w*)=",
        (ROOT / ".env.example").read_text("utf-8"),
        re.MULTILINE,
    )
    # Files of the host are not in the containers, so these two come as text.
    data = {re.sub("_PATH$", "_DATA", name) for name in named}
    assert data <= set(passed)
    text = (ROOT / "deploy/external-temporal.yml").read_text("utf-8")
    changes = yaml.load(text, ComposeLoader)["services"]
    left_out = {name for name, change in changes.items() if change.get("profiles")}
    assert left_out == {name for name in SERVICES if name.startswith("temporal")}
    for name in set(SERVICES) - left_out:
        needs = changes.get(name, {}).get("depends_on") or SERVICES[name].get("depends_on", {})
        assert not left_out & set(needs), name


def test_mounted_files_exist_and_scripts_parse() -> None:
    for config in COMPOSE["configs"].values():
        file = ROOT / config["file"]
        assert file.is_file(), file
        if file.suffix == ".sh":
            shell = "bash" if "bash" in file.read_text("utf-8").splitlines()[0] else "sh"
            subprocess.run([shell, "-n", file], check=True, timeout=30)
        else:
            assert yaml.safe_load(file.read_text("utf-8"))


def test_commands_are_ones_that_godwit_has() -> None:
    for name in OURS - {"carrier"}:
        command = [sys.executable, "-m", "starter", *SERVICES[name]["command"], "--help"]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
    assert SERVICES["carrier"]["entrypoint"] == ["python", "-m", "carriers.pretend_server"]


def test_the_image_holds_every_package() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    ignored = (ROOT / ".dockerignore").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for package in {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]}:
        assert f"COPY {package}/ {package}/" in dockerfile
        assert f"!{package}\n" in ignored


def test_the_project_installs_by_its_pins_alone_as_the_image_does_it(tmp_path: Path) -> None:
    """The wheel that the image installs holds words, migrations and modules."""
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "tests", "bench")
    shutil.copytree(ROOT, source, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--wheel-dir", str(tmp_path), str(source)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(command, check=True, timeout=120, capture_output=True, env=environment)
    (wheel,) = tmp_path.glob("*.whl")
    listed = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True
    ).stdout
    for member in ("worker.py", "words/shaft.toml", "versions/0001_first.py", "__main__.py"):
        assert member in listed, member


def test_search_attributes_are_the_same_everywhere() -> None:
    from service.temporal import SEARCH_ATTRIBUTES, search_attribute

    script = (ROOT / "deploy/temporal/namespace.sh").read_text("utf-8")
    (names,) = re.findall(r'^ATTRIBUTES="([^"]*)"', script, re.MULTILINE)
    assert set(names.split()) == {search_attribute(name) for name in SEARCH_ATTRIBUTES}
