"""The lab on machines that are not as one expects: no name for the user, no home, folders that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT

NAMELESS = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]
"""What follows runs under a user id that no file knows; files are the caller's as before."""
DEADLINE_SECONDS = 120.0

STARTS_POSTGRES = """
import sys
from pathlib import Path
from lab.network.parts.postgres import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
server.create_database("found")
server.stop()
"""


def has_user_namespaces() -> bool:
    try:
        return subprocess.run([*NAMELESS, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


needs_user_namespaces = pytest.mark.skipif(not has_user_namespaces(), reason="no user namespaces for this user here")


def run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=dict(environment), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )


def codepix(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


@needs_user_namespaces
def test_postgresql_starts_for_a_user_id_without_a_name(tmp_path: Path) -> None:
    finished = run([*NAMELESS, sys.executable, "-c", STARTS_POSTGRES, str(tmp_path / "data")], os.environ)
    assert finished.returncode == 0, finished.stderr


@needs_user_namespaces
def test_a_user_id_without_a_name_is_told_what_is_missing(tmp_path: Path) -> None:
    # Without any program that could help.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    finished = run([*NAMELESS, "env", f"PATH={tmp_path}", *codepix("smoke", "--transfers", "20")], environment)
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].startswith(
        "PostgreSQL makes no data for the user id 12345, which has no name here. Give it a line in /etc/passwd"
    )


@needs_user_namespaces
def test_a_home_that_cannot_be_known_is_a_sentence() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_DATA_HOME")}
    finished = run([*NAMELESS, *codepix("demo")], environment)
    assert (finished.returncode, finished.stderr.strip()) == (
        2,
        "HOME is not set, and this user has no name that would tell its folder: set HOME.",
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["smoke", "--keep", "{file}/data"], "--keep: the folder {file}/data cannot be written: Not a directory."),
        (["audit", "--hub", "127.0.0.1"], "--hub: must begin with http:// or https:// and a host."),
        (["audit", "--hub", "http://::1:8000"], "--hub: must be a web address with a valid host"),
        (["bench", "--html", "/nowhere/report.html"], "--html: /nowhere/report.html cannot be written."),
        (["load", "--hub", "http://127.0.0.1", "--hub-grpc", "::1:50051"], "--hub-grpc: must be host:port"),
    ],
)
def test_an_option_that_cannot_be_is_a_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    given = [argument.format(file=file) for argument in arguments]
    finished = run(codepix(*given), {**os.environ, "COLUMNS": "200"})
    assert finished.returncode == 2, finished.stderr
    assert sentence.format(file=file) in finished.stderr and "Traceback" not in finished.stderr
