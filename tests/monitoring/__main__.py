"""Goes through incidents and writes their rows into docs/runbooks/README.md.

The name of a lane as the argument limits it to the incidents of that lane.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.monitoring.mending import go_through_all, go_through_lane
from tests.monitoring.table import write


def main() -> None:
    """Go through the incidents, then print the table and the time that it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        if sys.argv[1:]:
            rows = go_through_lane(sys.argv[1], Path(directory))
        else:
            rows = go_through_all(Path(directory))
    sys.stdout.write(write(rows))
    for row in rows:
        if row.missing:
            sys.stdout.write(f"{row.alert}: {row.missing}\n")
    sys.stdout.write(f"{len(rows)} incidents in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
