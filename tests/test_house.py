"""The house rules: who may import whom, how long things are, and what must be said where."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Layer by layer: which of our packages a package may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "campaign": set(),
    "activities": {"campaign"},
    "store": {"campaign"},
    "carriers": {"campaign"},
    "workflows": {"campaign", "activities"},
    "starter": {"campaign", "workflows", "store", "carriers"},
    "worker": {"campaign", "activities", "store", "carriers", "workflows", "starter"},
}
PACKAGES = [name for name in MAY_IMPORT if name != "worker"]
# (importer, module): why it may reach past the layer below it.
IMPORTED_ALL_THE_SAME = {
    ("starter", "activities.orders"): "the verdict that a campaign's update answers the desk with",
}
# What would bring I/O, clocks or chance into the rules of a campaign. The word lists are read by
# importlib.resources, and the environment by pydantic-settings, both once and at import.
IMPURE = set(
    "aiohttp asyncio fastapi httpx os random secrets socket sqlalchemy sqlite3 sqlmodel subprocess "
    "temporalio threading time urllib.request uuid".split()
)

FILE_LINES = 320
# Files that are over 300 lines already, at their length of the day they were listed. They may
# only shrink: give the new length when they did, and take the line away at 300.
LONG_FILES = {
    "starter/stack.py": 352,
}
FUNCTION_LINES = 70

# Each may be named in carriers/<name>*.py, starter/dialects/<name>*.py, and where these are listed.
VENDORS = (
    "twilio telnyx vonage sinch kannel postback telesign fonedynamics mobivate textingline"
    " pretend".split()
)
LISTS = {"carriers/__init__.py", "starter/dialects/__init__.py"}
NAMED_ALL_THE_SAME = {
    ("campaign/settings.py", "pretend"): "a fresh installation must not reach anybody's phone",
    ("starter/__main__.py", "pretend"): "help of --carrier-port, which only a served carrier has",
    ("starter/demo.py", "pretend"): "its numbers mean something to that carrier alone",
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


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)} imports relatively"
            yield node.module or ""


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


def undocumented(path: Path) -> Iterator[str]:
    """Everything public in a file that has no docstring."""
    if ast.get_docstring(tree(path)) is None:
        yield named(path)

    def look(body: list[ast.stmt], prefix: str) -> Iterator[str]:
        for node in body:
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                yield f"{prefix}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from look(node.body, f"{prefix}{node.name}.")

    yield from look(tree(path).body, f"{named(path)}: ")


def test_every_package_imports_only_the_layers_below_it() -> None:
    faults, used = [], set()
    for path in sources():
        importer = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for module in imports(path):
            top = module.partition(".")[0]
            if top not in MAY_IMPORT or top == importer or top in MAY_IMPORT[importer]:
                continue
            if (importer, module) in IMPORTED_ALL_THE_SAME:
                used.add((importer, module))
            else:
                faults.append(f"{named(path)} imports {module}")
    assert faults == []
    assert used == set(IMPORTED_ALL_THE_SAME), "an exception is no longer needed"


def test_the_rules_of_a_campaign_need_no_network_no_clock_and_no_chance() -> None:
    faults = [
        f"{named(path)} imports {module}"
        for path in sources()
        if named(path).startswith("campaign/")
        for module in imports(path)
        if module in IMPURE or module.partition(".")[0] in IMPURE
    ]
    assert faults == []


def test_importing_the_workflow_loads_no_database_and_no_http_client() -> None:
    code = "import sys, workflows.campaign; sys.stdout.write(' '.join(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(told.stdout.split())
    assert "activities.sending" in loaded
    assert loaded & {"httpx", "aiohttp", "sqlmodel", "sqlalchemy", "alembic", "fastapi"} == set()


def test_no_source_file_is_longer_than_it_may_be() -> None:
    lengths = {
        named(path): len(path.read_text("utf-8").splitlines())
        for path in sources()
        # A migration is as long as its tables are many.
        if not named(path).startswith("store/migrations/versions/")
    }
    faults = {
        name: length
        for name, length in lengths.items()
        if length > LONG_FILES.get(name, FILE_LINES)
    }
    assert faults == {}
    done = {name for name in LONG_FILES if lengths.get(name, 0) <= 300}
    assert done == set(), "take these out of LONG_FILES"


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


def test_everything_public_says_what_it_is() -> None:
    assert [fault for path in sources() for fault in undocumented(path)] == []


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


def test_a_carrier_or_vendor_is_named_in_files_of_its_own_only() -> None:
    faults, used = [], set()
    for path in sources():
        name, text = named(path), path.read_text("utf-8").casefold()
        for vendor in VENDORS:
            own = (f"carriers/{vendor}", f"starter/dialects/{vendor}")
            if vendor not in text or name in LISTS or name.startswith(own):
                continue
            if (name, vendor) in NAMED_ALL_THE_SAME:
                used.add((name, vendor))
            else:
                faults.append(f"{name} names {vendor}")
    assert faults == []
    assert used == set(NAMED_ALL_THE_SAME), "an exception is no longer needed"
