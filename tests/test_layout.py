"""The layout: import contracts, lengths, what the build lists, and who names a vendor."""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

from carriers import CARRIERS

ROOT = Path(__file__).resolve().parent.parent

PACKAGES = "campaign store carriers activities workflows webhooks service dialects starter".split()
PACKAGES += ["telemetry", "spreadsheets", "console"]
# Of all lines, at most this share may be in one package.
SHARE_MAX = 0.27

FILE_LINES = 320
FUNCTION_LINES = 70

# Each may be named in carriers/<name>*.py, dialects/<name>*.py, and where these are listed.
VENDORS = (
    "twilio telnyx vonage sinch kannel postback telesign fonedynamics mobivate textingline"
    " pretend".split()
)
LISTS = {"carriers/__init__.py", "dialects/registry.py", "dialects/renderers.py"}
NAMED_ALL_THE_SAME = {
    ("campaign/settings.py", "pretend"): "a fresh installation must not reach anybody's phone",
    (
        "starter/cli/processes.py",
        "pretend",
    ): "help of --carrier-port, for a served carrier",
    ("starter/embedded/demo.py", "pretend"): "its numbers mean something to that carrier alone",
}


def sources() -> list[Path]:
    """Every Python file of the product."""
    files = [ROOT / "worker.py"]
    for package in PACKAGES:
        files += sorted((ROOT / package).rglob("*.py"))
    return files


def named(path: Path) -> str:
    """A path as people write it: from the root of the project, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """A source file, parsed."""
    return ast.parse(path.read_text("utf-8"), named(path))


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def own_lines(function: ast.AST) -> int:
    """The length of a function without the functions inside it, which have lengths of their own."""
    assert isinstance(function, FUNCTIONS) and function.end_lineno is not None
    inner = 0
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, FUNCTIONS):
            assert node.end_lineno is not None
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            inner += node.end_lineno - first + 1
        else:
            waiting += ast.iter_child_nodes(node)
    return function.end_lineno - function.lineno + 1 - inner


def test_every_import_keeps_the_contracts() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_no_package_is_most_of_the_code() -> None:
    lines = dict.fromkeys(PACKAGES, 0)
    for path in [*sources(), *(ROOT / "bench").rglob("*.py")]:
        package = path.relative_to(ROOT).parts[0].removesuffix(".py")
        lines[package] = lines.get(package, 0) + len(path.read_text("utf-8").splitlines())
    assert max(lines.values()) / sum(lines.values()) < SHARE_MAX, lines


def loaded_by(module: str) -> set[str]:
    """Everything that a fresh interpreter has loaded once it imported a module."""
    code = f"import sys, {module}; sys.stdout.write(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_the_workflow_loads_no_database_and_no_http_client() -> None:
    loaded = loaded_by("workflows.campaign")
    assert "activities.sending" in loaded
    assert loaded & {"httpx", "httptools", "sqlmodel", "sqlalchemy", "alembic", "fastapi"} == set()


def test_importing_the_worker_loads_no_http_framework_and_nothing_of_the_starter() -> None:
    loaded = loaded_by("worker")
    assert "dialects.native.events" in loaded
    assert loaded & {"fastapi", "starlette", "uvicorn", "limits", "starter"} == set()


def test_no_source_file_is_longer_than_it_may_be() -> None:
    lengths = {
        named(path): len(path.read_text("utf-8").splitlines())
        for path in sources()
        # A migration is as long as its tables are many.
        if not named(path).startswith("store/migrations/versions/")
    }
    faults = {name: length for name, length in lengths.items() if length > FILE_LINES}
    assert faults == {}


def test_no_function_is_longer_than_seventy_lines() -> None:
    faults = [
        f"{named(path)}: {node.name} has {own_lines(node)} lines"
        for path in sources()
        # A migration is a list of statements that nobody edits once it has run somewhere.
        if not named(path).startswith("store/migrations/versions/")
        for node in ast.walk(tree(path))
        if isinstance(node, FUNCTIONS) and own_lines(node) > FUNCTION_LINES
    ]
    assert faults == []


def test_the_build_lists_every_package_and_every_file_in_one() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    found = {named(path.parent).replace("/", ".") for path in sources() if path.parent != ROOT}
    assert found - set(tools["packages"]) == set(), "missing in pyproject.toml: packages"
    assert set(tools["packages"]) - found == set(), "listed in pyproject.toml, but not there"
    faults = [
        named(path)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
        if not any(
            path.match(f"{owner.replace('.', '/')}/{pattern}")
            for owner, patterns in tools["package-data"].items()
            for pattern in patterns
        )
    ]
    assert faults == [], "missing in pyproject.toml: package-data"


def test_no_carrier_and_no_dialect_is_left_out_of_the_contract_of_independence() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    independent = {
        module
        for contract in contracts
        if contract["type"] == "independence"
        for module in contract["modules"]
    }
    apis = {path.parent for path in (ROOT / "dialects").glob("*/routes.py")}
    assert independent >= {f"carriers.{name}" for name in CARRIERS}
    assert independent >= {f"dialects.{path.name}" for path in apis}


def test_a_carrier_or_vendor_is_named_in_files_of_its_own_only() -> None:
    faults, used = [], set()
    for path in sources():
        name, text = named(path), path.read_text("utf-8").casefold()
        for vendor in VENDORS:
            own = (f"carriers/{vendor}", f"dialects/{vendor}/")
            if vendor not in text or name in LISTS or name.startswith(own):
                continue
            if (name, vendor) in NAMED_ALL_THE_SAME:
                used.add((name, vendor))
            else:
                faults.append(f"{name} names {vendor}")
    assert faults == []
    assert used == set(NAMED_ALL_THE_SAME), "an exception is no longer needed"
