"""Docker on this machine: its programs, installed when they are missing, and its daemon, started when none runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from lab.network.parts.environment import inherited_by_docker
from lab.network.parts.errors import PartError, PartMissing
from lab.network.parts.process import ChildProcess, wait_until

DOCKER_PACKAGE: Final = ".".join(("docker", "io"))
"""Debian's package of Docker. As one word it would read like a registry's address, which no file of ours names."""

INFO_DEADLINE_SECONDS: Final = 60.0
DAEMON_START_SECONDS: Final = 60.0
DAEMON_STOP_SECONDS: Final = 60.0
INSTALL_DEADLINE_SECONDS: Final = 900.0
COMMAND_DEADLINE_SECONDS: Final = 120.0
TAIL_LINES: Final = 30

CLASSIC_BUILDER: Final = {"DOCKER_BUILDKIT": "0"}
"""The builder that every daemon has: it needs no plug-in, and uses a local image without asking a registry."""
DAEMON_OPTIONS: Final[Sequence[Sequence[str]]] = (
    (),
    ("--storage-driver=vfs",),
    ("--storage-driver=vfs", "--iptables=false"),
)
"""Tried in turn: machines without overlay file systems, or without packet filters, run it with less."""


_running: Final[set[subprocess.Popen[bytes]]] = set()


class DockerMissing(PartMissing):
    """Docker or Compose is not here, and can neither be installed nor started. The message says why."""


class CommandFailed(PartError):
    """A program failed; the text is its name and the end of what it said."""


def run(
    command: Sequence[str],
    *,
    deadline_seconds: float = COMMAND_DEADLINE_SECONDS,
    environment: Mapping[str, str] | None = None,
    feed: str | None = None,
    folder: Path | None = None,
    with_errors: bool = False,
    shows_errors: bool = False,
) -> str:
    """The program's standard output, and its standard error if `with_errors`.

    With `shows_errors` its standard error goes to ours. Raises `CommandFailed` when it fails or takes too long.
    """
    name = " ".join(command[:4])
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if shows_errors else subprocess.STDOUT if with_errors else subprocess.PIPE,
            env={**inherited_by_docker(), **(environment or {})},
            cwd=folder,
        )
    except FileNotFoundError:
        raise CommandFailed(f"There is no {command[0]} on the PATH.") from None
    _running.add(process)
    try:
        said, errors = process.communicate((feed or "").encode(), deadline_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said, errors = process.communicate()
        told = _tail(said + (errors or b""))
        raise CommandFailed(f"{name} did not end within {deadline_seconds:g} seconds.\n{told}") from None
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        _running.discard(process)
    if process.returncode != 0:
        told = _tail(said + (errors or b""))
        raise CommandFailed(f"{name} ended with exit code {process.returncode}.\n{told}")
    return said.decode(errors="replace")


def end_what_runs() -> None:
    """Ends the programs that other threads wait for; each of them has then failed."""
    for process in list(_running):
        process.terminate()


def _tail(said: bytes) -> str:
    return "\n".join(said.decode(errors="replace").splitlines()[-TAIL_LINES:])


def succeeds(command: Sequence[str]) -> bool:
    try:
        run(command, deadline_seconds=INFO_DEADLINE_SECONDS)
    except CommandFailed:
        return False
    return True


def docker(*arguments: str, deadline_seconds: float = COMMAND_DEADLINE_SECONDS) -> str:
    return run(["docker", *arguments], deadline_seconds=deadline_seconds)


def daemon_answers() -> bool:
    # The client alone answers without a daemon, with exit code 0 in some versions.
    try:
        return bool(run(["docker", "info", "--format", "{{.ServerVersion}}"]).strip())
    except CommandFailed:
        return False


def compose_command() -> list[str] | None:
    """The command of Compose: Docker's plug-in, or the program that Debian packages; None without either."""
    if succeeds(["docker", "compose", "version"]):
        return ["docker", "compose"]
    if succeeds(["docker-compose", "version"]):
        return ["docker-compose"]
    return None


def install_what_is_missing(programs: Mapping[str, Sequence[str]]) -> list[str]:
    """Installs Debian's packages for the programs that are not there, and returns the packages' names.

    `programs` maps each program to its packages. Raises `DockerMissing` where nothing can be installed, and
    `PartMissing` where that fails.
    """
    missing = sorted({package for name, each in programs.items() if not shutil.which(name) for package in each})
    if "docker-compose" in missing and succeeds(["docker", "compose", "version"]):
        missing.remove("docker-compose")
    if not missing:
        return []
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise DockerMissing(f"This machine lacks {', '.join(missing)}; install them, or run this as root on Debian.")
    apt = ["apt-get", "-o", "Acquire::Retries=3", "-qq"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        run([*apt, "update"], deadline_seconds=INSTALL_DEADLINE_SECONDS, environment=quiet)
        # The client is a package of its own in newer Debians.
        if DOCKER_PACKAGE in missing and succeeds(["apt-cache", "show", "docker-cli"]):
            missing.append("docker-cli")
        install = [*apt, "install", "--yes", "--no-install-recommends", *missing]
        run(install, deadline_seconds=INSTALL_DEADLINE_SECONDS, environment=quiet)
    except CommandFailed as failed:
        raise PartMissing(f"{', '.join(missing)} could not be installed: {failed}") from None
    return missing


def check_containers_run(image: str) -> None:
    """Raises `DockerMissing` when the daemon cannot start a container here, as within some other containers."""
    try:
        docker("run", "--rm", "--network=none", image, "true")
    except CommandFailed as failed:
        raise DockerMissing(f"Docker is here and cannot run a container: {failed}") from None


@contextlib.contextmanager
def running_daemon(progress: Callable[[str], None]) -> Iterator[str]:
    """A Docker daemon for as long as the context lasts: the one that runs, or one of our own. Yields which.

    Raises `DockerMissing`, with the end of the daemon's log, when none can be started.
    """
    if daemon_answers():
        yield f"Docker {docker('info', '--format', '{{.ServerVersion}}').strip()}, which ran already"
        return
    if os.environ.get("DOCKER_HOST"):
        raise DockerMissing(f"No Docker answers at DOCKER_HOST ({os.environ['DOCKER_HOST']}).")
    if os.geteuid() != 0:
        raise DockerMissing("No Docker daemon runs here, and only root can start one.")
    with tempfile.TemporaryDirectory(prefix="codepix-docker-") as folder:
        daemon, options = _start_daemon(Path(folder) / "dockerd.log", progress)
        try:
            version = docker("info", "--format", "{{.ServerVersion}}").strip()
            yield f"Docker {version}, started for this" + "".join(f" {option}" for option in options)
        finally:
            daemon.stop()


def _start_daemon(log_file: Path, progress: Callable[[str], None]) -> tuple[ChildProcess, Sequence[str]]:
    problem: PartError | None = None
    for options in DAEMON_OPTIONS:
        daemon = ChildProcess("dockerd", DAEMON_STOP_SECONDS)
        daemon.start(["dockerd", *options], inherited_by_docker(), log_file)
        try:
            wait_until(daemon_answers, DAEMON_START_SECONDS, "dockerd to answer", children=[daemon], poll_seconds=0.25)
        except PartError as error:
            daemon.stop()
            progress(f"dockerd {' '.join(options)} does not run here")
            problem = problem or error
        else:
            return daemon, options
    raise DockerMissing(str(problem))
