"""What stands for each image of the Compose files: the program, built or found on this machine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.compose import Service
from tests.cluster.network import Place
from tests.postgres import MISSING, find_binaries

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "godwit"
NOT_BUILT = "Temporal's server {} is not built: run make temporal-server, which needs Go"
_ENTRYPOINT = re.compile(r'^ENTRYPOINT \["([^]]*)"\]', re.MULTILINE)
_TOOLS = {
    # The images' netcat, as their health checks call it: nc -z HOST PORT.
    "nc": '#!/usr/bin/env bash\nexec 3<>"/dev/tcp/$2/$3"\n',
}


class NotHere(Exception):
    """A program that the Compose files need is not on this machine; the text says which."""


@dataclass(frozen=True)
class Image:
    """A program that stands for an image.

    ``runs`` says what it is; ``entrypoint`` goes before the command, ``paths`` are places in the
    image, ``environment`` is the image's own, and ``lower`` drops the rights of root.
    """

    runs: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[Path, ...] = ()
    lower: tuple[str, ...] = ()

    def argv(self, service: Service) -> list[str]:
        """The command of a service, before names and paths are replaced."""
        command = service.command or self.command
        return [*self.lower, *(service.entrypoint or self.entrypoint), *command]


def image_of(service: Service) -> Image | None:
    """What runs in place of a service's image; None if nothing does.

    Raises:
        NotHere: the program is missing.
    """
    repository, _, tag = service.image.partition("@")[0].rpartition(":")
    if service.is_built:
        return _ours()
    if repository == "postgres":
        return _postgres()
    if repository == "temporalio/server":
        return _temporal(tag, ("temporal-server", "start"))
    if repository == "temporalio/admin-tools":
        return _temporal(tag, ())
    if repository == "redis":
        return _redis()
    return None


def search_path(image: Image, tools: Path) -> str:
    """PATH for the programs of an image: its own, then this tree's, then the machine's."""
    own = [*image.programs, tools, Path(sys.executable).parent]
    return os.pathsep.join([*map(str, own), "/usr/local/bin", "/usr/bin", "/bin"])


def make_tools(directory: Path) -> None:
    """Write the programs that images have and this machine may not."""
    directory.mkdir(exist_ok=True)
    for name, text in _TOOLS.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)


def _ours() -> Image:
    match = _ENTRYPOINT.search((ROOT / "Dockerfile").read_text("utf-8"))
    assert match is not None
    entrypoint = tuple(match[1].split('", "'))
    environment = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    return Image("this tree", entrypoint, environment=environment)


def _temporal(version: str, entrypoint: tuple[str, ...]) -> Image:
    built = CACHE / f"temporal-{version}"
    if not (built / "ready").exists():
        raise NotHere(NOT_BUILT.format(version))
    return Image(
        f"go.temporal.io/server@v{version}",
        entrypoint,
        paths={"/etc/temporal/schema": built / "schema"},
        programs=(built,),
    )


def _postgres() -> Image:
    binaries = find_binaries()
    if binaries is None:
        raise NotHere(MISSING)
    version = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    # PostgreSQL refuses to run as root; a change of user forgets that the parent may die.
    rights = ("--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=INT")
    return Image(
        version,
        command=("postgres",),
        programs=(binaries,),
        lower=("setpriv", *rights) if os.geteuid() == 0 else (),
    )


def _redis() -> Image:
    found = shutil.which("redis-server")
    if found is None:
        raise NotHere("Redis is not installed (Debian: apt install redis-server)")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    return Image(" ".join(version.stdout.split()[:3]), programs=(Path(found).parent,))


def prepare_postgres(place: Place, image: Image, environment: Mapping[str, str]) -> list[str]:
    """Do what the image's entry point does: make an empty cluster and run its scripts.

    Returns the options that the image gives the server beside those of the command.
    """
    data = place.paths["/var/lib/postgresql/data"]
    sockets = place.home / "tmp"
    if image.lower:
        for directory in (place.home, sockets, data):
            shutil.chown(directory, "nobody", "nogroup")
    if not (data / "PG_VERSION").exists():
        _initialise(place, image, environment, data, sockets)
    return ["-D", str(data), "-k", str(sockets), "-h", place.address]


def _initialise(
    place: Place, image: Image, environment: Mapping[str, str], data: Path, sockets: Path
) -> None:
    def run(*command: str, given: str | None = None) -> None:
        done = subprocess.run(
            [*image.lower, *command],
            env=environment,
            cwd=sockets,
            input=given,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{place.name}: {command[0]} failed:\n{done.stdout}{done.stderr}")

    secret = sockets / "password"
    secret.write_text(environment["POSTGRES_PASSWORD"])
    if image.lower:
        shutil.chown(secret, "nobody")
    auth = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}"]
    run("initdb", f"--pgdata={data}", "--username=postgres", "--encoding=UTF8", "--locale=C", *auth)
    secret.unlink()
    with (data / "pg_hba.conf").open("a") as file:
        file.write("host all all all scram-sha-256\n")
    # It listens on its socket alone until the scripts are done.
    options = f"-k {sockets} -h ''"
    log = str(sockets / "first.log")
    run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={log}", f"--options={options}")
    try:
        for target in sorted(place.service.files):
            if target.startswith("/docker-entrypoint-initdb.d/"):
                run("bash", given=place.paths[target].read_text("utf-8"))
    finally:
        run("pg_ctl", "stop", "--wait", "--mode=fast", f"--pgdata={data}")
