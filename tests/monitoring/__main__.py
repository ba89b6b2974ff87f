"""Goes through every incident and writes the table of docs/runbooks/README.md."""

import sys
import tempfile
import time
from pathlib import Path

from tests.monitoring.mending import go_through_all, go_through_lane

def main() -> None:
    """Go through the incidents, or those of the lanes that are named."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        if sys.argv[1:]:
            rows = [row for name in sys.argv[1:] for row in go_through_lane(name, Path(directory))]
        else:
            rows = go_through_all(Path(directory))
    for row in rows: print(row)
    print(time.monotonic() - began)


if __name__ == "__main__":
    main()
