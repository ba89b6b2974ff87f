"""What each process of the embedded stack gets of the environment: what it needs."""

import os
from collections.abc import Mapping, MutableMapping

# What programs need of the machine, whatever they do.
_SYSTEM = frozenset(
    "HOME LANG LANGUAGE LOGNAME PATH SHELL TEMP TERM TMP TMPDIR TZ USER VIRTUAL_ENV".split()
)
_SYSTEM_PREFIXES = tuple(
    "ASAN_ COVERAGE_ COV_ DYLD_ FAKETIME GODEBUG GOGC GOMAXPROCS GOMEMLIMIT GOTRACEBACK LC_ LD_"
    " MALLOC_ NIX_ PYTHON RUST_ SSL_ XDG_".split()
)
_OURS = ("GODWIT_", "TEMPORAL_", "OTEL_", "PG", "UVLOOP_", "CURL_CA_", "REQUESTS_CA_", "GRPC_")
_WEB = frozenset("http_proxy https_proxy no_proxy all_proxy".split())
# The SDK and the command line read a profile of the user's home, were there no other file.
NO_PROFILE = {"TEMPORAL_CONFIG_FILE": os.devnull}
_WORKERS_OWN = frozenset({"GODWIT_SMTP_URL"})


def use_temporal_at(address: str, environment: MutableMapping[str, str]) -> None:
    """Set the address of the stack's Temporal server, and drop what is meant for another one.

    Neither a profile in the user's configuration file nor an API key, certificate or namespace
    of another cluster applies to the stack's.
    """
    for name in [name for name in environment if name.startswith("TEMPORAL_")]:
        del environment[name]
    environment.update(NO_PROFILE, TEMPORAL_ADDRESS=address)


def for_temporal(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of Temporal's server with its Web UI and its command line: nothing of ours.

    The server is configured by its arguments.
    """
    needed = {name: value for name, value in environment.items() if _is_system(name)}
    return {**needed, **NO_PROFILE}


def for_carrier(environment: Mapping[str, str], carrier: str) -> dict[str, str]:
    """The environment of a carrier that the stack serves: its own variables and no other's."""
    own = f"GODWIT_CARRIER_{carrier.upper()}_"
    return {
        name: value
        for name, value in environment.items()
        if _is_system(name) or name.startswith(own) or name == "GODWIT_LOG_LEVEL"
    }


def for_worker(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: every variable of Godwit, of Temporal's SDK and of libpq."""
    return {
        name: value
        for name, value in environment.items()
        if _is_system(name) or name.startswith(_OURS) or name.lower() in _WEB
    }


def for_api(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the API: as for a worker, without the password of the mail server."""
    shared = for_worker(environment).items()
    return {name: value for name, value in shared if name not in _WORKERS_OWN}


def _is_system(name: str) -> bool:
    return name in _SYSTEM or name.startswith(_SYSTEM_PREFIXES)
