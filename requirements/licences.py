"""Print the licence of each installed package, and exit with 1 if one has none."""

import sys
from importlib.metadata import Distribution, distributions


def licence_of(package: Distribution) -> str:
    """The licence as the package's metadata has it: an expression, classifiers or a line."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return expression
    prefix = "License :: "
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith(prefix) and line != "License :: OSI Approved"
    ]
    if classifiers:
        return ", ".join(classifiers)
    return (metadata.get("License") or "").strip().partition("\n")[0]


def main() -> int:
    """List the packages by name."""
    found = {package.metadata["Name"]: package for package in distributions()}
    unknown = 0
    for name in sorted(found, key=str.lower):
        licence = licence_of(found[name])
        unknown += not licence
        sys.stdout.write(f"{name:32} {found[name].version:16} {licence or 'UNKNOWN'}\n")
    return int(unknown > 0)


if __name__ == "__main__":
    sys.exit(main())
