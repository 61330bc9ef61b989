"""The shared network, and the lab's commands as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]
import pytest
from typer.testing import CliRunner

from lab.cli import app
from lab.network.network import Network
from lab.network.parts.process import wait_until
from lab.read.snapshot import NetworkReader
from tests.support.installed import installers, machine, user, wheel
from tests.support.network import banks, client, network, population, reader

__all__ = ["banks", "client", "installers", "machine", "network", "population", "reader", "user", "wheel"]

COMMAND_SECONDS_MAX = 280
"""More than an experiment takes to say what has gone wrong."""
READY_SECONDS_MAX = 60.0
START_SECONDS_MAX = 150.0
"""More than a network takes to say that it does not get ready."""
END_SECONDS_MAX = 60.0


def command_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def ask_codepix(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that refuses, or that only asks a network, in this process: without seconds of imports."""
    finished = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1"}, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, finished.exit_code, finished.stdout, finished.stderr)


def ask_codepix_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The same with --json; its exit code and document."""
    return _document_of(ask_codepix(*arguments, "--json"))


def run_codepix(
    *arguments: str, exported: Mapping[str, str] | None = None, seconds_max: float = COMMAND_SECONDS_MAX
) -> subprocess.CompletedProcess[str]:
    """Runs the command as a process to its end, with wide tables, from a shell with these variables exported."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(exported or {})}
    return subprocess.run(
        command_line(*arguments), capture_output=True, text=True, timeout=seconds_max, env=environment
    )


def run_codepix_json(
    *arguments: str, exported: Mapping[str, str] | None = None, seconds_max: float = COMMAND_SECONDS_MAX
) -> tuple[int, dict[str, Any]]:
    """Runs the command as a process with --json; its exit code and document."""
    return _document_of(run_codepix(*arguments, "--json", exported=exported, seconds_max=seconds_max))


def _document_of(finished: subprocess.CompletedProcess[str]) -> tuple[int, dict[str, Any]]:
    assert finished.stdout, finished.stderr
    return finished.returncode, json.loads(finished.stdout)


class Background:
    """A command that runs until somebody ends it, with what it writes."""

    def __init__(self, log: Path, *arguments: str, ignoring_sigint: bool = False) -> None:
        """`ignoring_sigint`: as a shell starts what stands before `&`."""
        command = command_line(*arguments)
        if ignoring_sigint:
            command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
        self._start(log, command, {**os.environ, "COLUMNS": "200"})

    @classmethod
    def of_program(cls, log: Path, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Self:
        """Any program, started in the folder with this environment alone."""
        background = cls.__new__(cls)
        background._start(log, command, environment, folder)
        return background

    def _start(
        self, log: Path, command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> None:
        self._log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment, cwd=folder)

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def await_output(self, text: str) -> None:
        def written() -> bool:
            assert self.process.poll() is None or text in self.output(), self.output()
            return text in self.output()

        wait_until(written, START_SECONDS_MAX, f"the command to write {text!r}")

    def family(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, number: int) -> int:
        """Sends a signal and waits for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS_MAX)


@pytest.fixture
def start_codepix(tmp_path: Path) -> Iterator[Callable[..., Background]]:
    """Starts commands in the background; what is left of them is killed after the test."""
    started: list[Background] = []

    def start(*arguments: str, ignoring_sigint: bool = False) -> Background:
        log = tmp_path / f"output-{len(started)}.log"
        background = Background(log, *arguments, ignoring_sigint=ignoring_sigint)
        started.append(background)
        return background

    yield start
    for background in started:
        background.process.kill()
        background.process.wait(END_SECONDS_MAX)


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether every process has ended."""
    return all(not process.is_running() or process.status() == psutil.STATUS_ZOMBIE for process in processes)


@pytest.fixture
def quiet_network(network: Network, reader: NetworkReader) -> Network:
    """The shared network, with nothing under way."""
    assert reader.wait_for_quiet(READY_SECONDS_MAX)
    return network
