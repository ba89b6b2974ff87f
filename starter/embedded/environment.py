"""What each process of the embedded stack gets of the environment: what it needs."""

from collections.abc import Mapping

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
_WORKERS_OWN = frozenset({"GODWIT_SMTP_URL"})


def for_temporal(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of Temporal's server with its Web UI and its command line: nothing of ours.

    The server is configured by its arguments.
    """
    return {name: value for name, value in environment.items() if _is_system(name)}


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
