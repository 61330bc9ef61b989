"""Where Docker is not to be had, the test of the containers says so, and that it has tried nothing."""

import subprocess
import sys

from lab.compose.test import EXIT_NO_DOCKER
from tests.unit.house.repository import ROOT


def test_a_machine_without_docker_is_told_apart_by_the_exit_code() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "lab.compose.test"],
        cwd=ROOT,
        env={"PATH": "/nonexistent", "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == EXIT_NO_DOCKER, finished.stderr
    assert "Nothing was tried: this machine cannot run Docker. This machine lacks " in finished.stderr
    assert "install them, or run this as root on Debian." in finished.stderr
