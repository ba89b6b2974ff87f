"""Runs one contender in a process of its own: ``python -m bench.child NAME JOB``."""

import json
import sys
from importlib import import_module

import uvloop

from bench.contenders.job import Job


def main() -> None:
    """Let the contender do its job, and print what that took."""
    name, job = sys.argv[1:]
    contender = import_module(f"bench.contenders.{name}")
    taken = uvloop.run(contender.contend(Job(**json.loads(job))))
    sys.stdout.write(json.dumps(taken) + "\n")


if __name__ == "__main__":
    main()
