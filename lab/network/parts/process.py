"""Child processes that can be stopped, killed, frozen and restarted, and that never outlive the lab."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

import psutil  # type: ignore[import-untyped]

from lab.network.parts import watchdog
from lab.network.parts.environment import inherited
from lab.network.parts.errors import PartError, PartNotReady

POLL_SECONDS_DEFAULT = 0.03
STOP_GRACE_SECONDS_DEFAULT = 10.0
KILL_DEADLINE_SECONDS = 10.0
FREEZE_DEADLINE_SECONDS = 5.0
FREEZE_ROUNDS_MAX = 10
LOG_TAIL_LINES = 20
LOG_TAIL_BYTES_MAX = 64 * 1024

ConditionResult = TypeVar("ConditionResult")


def wait_until(
    condition: Callable[[], ConditionResult],
    deadline_seconds: float,
    describe: str,
    *,
    children: Sequence[Child] = (),
    poll_seconds: float = POLL_SECONDS_DEFAULT,
    pause: Callable[[float], object] = time.sleep,
    retry_on: tuple[type[Exception], ...] = (),
) -> ConditionResult:
    """Polls `condition` until it returns something true, and returns that.

    `describe` completes the sentence "Waited … for …": "the hub's health to be good". `children` are the processes
    on which the condition depends. Raises `PartNotReady`, with the end of a child's log, as soon as one of them has
    ended, and when the deadline has passed. An error of `retry_on` in the condition is raised at the deadline, any
    other at once. `pause` waits between two polls, and may raise to give up.
    """
    deadline = time.monotonic() + deadline_seconds
    while True:
        # Read before the condition is tried, so that a condition which a dying child has just met still counts.
        ended = [child for child in children if not child.is_running()]
        failure: Exception | None = None
        try:
            if result := condition():
                return result
        except retry_on as error:
            failure = error
        for child in ended:
            raise PartNotReady(
                f"{child.name} ended with {describe_exit_code(child.exit_code)} while the lab waited for {describe}."
                f"{_quoted_log(child)}"
            )
        if time.monotonic() >= deadline:
            raise failure or PartNotReady(
                f"Waited {deadline_seconds:g} seconds for {describe}, in vain."
                + "".join(_quoted_log(child) for child in children)
            )
        pause(poll_seconds)


def is_true_within(seconds_max: float, condition: Callable[[], object], poll_seconds: float = 0.1) -> bool:
    try:
        wait_until(condition, seconds_max, "it to be so", poll_seconds=poll_seconds)
    except PartNotReady:
        return False
    return True


def describe_exit_code(exit_code: int | None) -> str:
    """Names an exit code as a person would: "exit code 3", "signal SIGKILL"."""
    if exit_code is None:
        return "no exit code"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"


def _quoted_log(child: Child) -> str:
    tail = child.log_tail()
    if not tail:
        return f"\n{child.name} wrote no log."
    return f"\nThe log of {child.name} ({child.log_file}) ends with:\n{tail}"


class Child:
    """One program, run below a watchdog in a separate session, with its output in a log file.

    It survives Ctrl-C in the lab's terminal (the lab decides when it stops), and dies with the lab, even when the lab
    is killed. `stop_signal` is what asks it to end in good order; it is killed after `stop_grace_seconds`.
    """

    def __init__(
        self,
        name: str,
        stop_grace_seconds: float = STOP_GRACE_SECONDS_DEFAULT,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
    ) -> None:
        """`user` is the system user to run as; only root can choose one."""
        self.name = name
        self._stop_grace_seconds = stop_grace_seconds
        self._stop_signal = stop_signal
        self._user = user
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._log_file: Path | None = None
        self._log_start = 0
        self._pid: int | None = None
        self._starting = threading.Lock()
        self._is_retired = False

    def _start_command(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        log_file: Path,
        *,
        working_folder: Path | None = None,
    ) -> None:
        """Starts the command, with its output appended to `log_file`.

        Its environment is what every child inherits (`lab.network.parts.environment`), and `environment`.

        Returns when the process exists, which says nothing about its readiness: see `wait_until`. Raises `PartError`
        when it cannot be started, is running already or has been retired.
        """
        if self.is_running():
            raise PartError(f"{self.name} is running already, as process {self._pid}.")
        user_option = [] if self._user is None else ["--user", self._user]
        # -P keeps this folder, whose modules have everyday names, out of the watchdog's import path.
        guarded = [sys.executable, "-P", watchdog.__file__, *user_option, "--", *command]
        self._log_file = log_file
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._starting, log_file.open("ab") as log:
            if self._is_retired:
                raise PartError(f"{self.name} is being stopped for good, so it is not started again.")
            if self._watchdog is not None:
                # Of an earlier life that ended unexpectedly.
                self._close_input(self._watchdog)
            self._pid = None
            self._log_start = log.tell()
            self._watchdog = subprocess.Popen(
                guarded,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**inherited(), **(environment or {})},
                cwd=working_folder,
                start_new_session=True,
            )
        assert self._watchdog.stdout is not None
        with self._watchdog.stdout as report:
            line = report.readline()
        reply = json.loads(line) if line else {"error": f"its watchdog failed.{_quoted_log(self)}"}
        if "error" in reply:
            self._await_exit(KILL_DEADLINE_SECONDS)
            raise PartError(f"{self.name} could not be started: {reply['error']}")
        self._pid = int(reply["pid"])

    @property
    def pid(self) -> int:
        """The process id of the command itself, not of its watchdog. Raises `PartError` before the first start."""
        if self._pid is None:
            raise PartError(f"{self.name} was never started.")
        return self._pid

    @property
    def log_file(self) -> Path | None:
        """Where the output goes, or None before the first start."""
        return self._log_file

    @property
    def exit_code(self) -> int | None:
        """The exit code, minus the signal's number when a signal ended it, or None while it runs."""
        return None if self._watchdog is None else self._watchdog.poll()

    def is_running(self) -> bool:
        """True from start until the command and everything below it has ended; a frozen process is running."""
        return self._watchdog is not None and self._watchdog.poll() is None

    def retire(self) -> None:
        """From now on it is not started any more, by whatever thread: the lab is about to stop it for good."""
        with self._starting:
            self._is_retired = True

    def request_stop(self) -> None:
        """Asks the process to end and does not wait, so that several can end at the same time."""
        if not self.is_running() or self._pid is None:
            return
        self._signal(self._stop_signal)
        # A frozen process would receive the signal only after its thaw.
        self.thaw()

    def stop(self) -> None:
        """Asks the process to end, and kills it after its grace. Does nothing when it has ended."""
        self.request_stop()
        # Without an id the start was interrupted halfway, and there is no process to ask.
        if self._pid is None or not self._await_exit(self._stop_grace_seconds):
            self.kill()

    def kill(self) -> None:
        """Sends SIGKILL to the process group and waits until the watchdog has cleared up all that was below it."""
        if self._watchdog is None or not self.is_running():
            self._await_exit(KILL_DEADLINE_SECONDS)
            return
        if self._pid is None:
            self._close_input(self._watchdog)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
        if self._await_exit(KILL_DEADLINE_SECONDS):
            return
        self._close_input(self._watchdog)
        raise PartError(f"{self.name} (process {self._pid}) is still there, {KILL_DEADLINE_SECONDS:g} s after SIGKILL.")

    def freeze(self) -> None:
        """Sends SIGSTOP to the process and all of its descendants, and returns when all of them stand still."""
        frozen: dict[int, psutil.Process] = {}
        for _ in range(FREEZE_ROUNDS_MAX):
            # The parent first: a parent that stands still starts no further children.
            new = [process for process in self._family() if process.pid not in frozen]
            if not new:
                break
            for process in new:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
                frozen[process.pid] = process
        wait_until(
            lambda: all(_stands_still(process) for process in frozen.values()),
            FREEZE_DEADLINE_SECONDS,
            f"{self.name} to stand still",
        )

    def thaw(self) -> None:
        """Sends SIGCONT to the process and all of its descendants. Does nothing to one that is not frozen."""
        for process in reversed(self._family()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def is_frozen(self) -> bool:
        """Whether the process is stopped, by the lab or by another program."""
        if not self.is_running() or self._pid is None:
            return False
        try:
            return bool(psutil.Process(self._pid).status() == psutil.STATUS_STOPPED)
        except psutil.NoSuchProcess:
            return False

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines that the process has written since its latest start."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def log_text(self) -> str:
        """The log since the latest start, or its end when it is long."""
        if self._log_file is None or not self._log_file.exists():
            return ""
        with self._log_file.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(min(end, max(self._log_start, end - LOG_TAIL_BYTES_MAX)))
            return log.read(LOG_TAIL_BYTES_MAX).decode(errors="replace")

    def _family(self) -> list[psutil.Process]:
        """The process and its descendants, ancestors first."""
        if not self.is_running():
            return []
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal(self, number: signal.Signals) -> None:
        # While the watchdog runs it has not reported the command's end, so the id cannot yet belong to a stranger.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _await_exit(self, seconds: float) -> bool:
        if self._watchdog is None:
            return True
        try:
            self._watchdog.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._close_input(self._watchdog)
        return True

    @staticmethod
    def _close_input(guarded: subprocess.Popen[bytes]) -> None:
        """Closes the watchdog's input, upon which it kills all that is below it."""
        if guarded.stdin is not None:
            guarded.stdin.close()


class ChildProcess(Child):
    """A program that is started by its command."""

    start = Child._start_command


class ChildPart(Child, ABC):
    """A server that the lab can start, break and mend."""

    @abstractmethod
    def start(self) -> None:
        """Starts it and waits until it is ready. Raises `PartError`."""

    def restart(self) -> None:
        """Stops it if it runs, and starts it again with the data that it has kept."""
        self.stop()
        self.start()


def run_to_the_end(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    log_file: Path,
    *,
    deadline_seconds: float,
    working_folder: Path,
    user: str | None = None,
) -> None:
    """Runs a program that does its work and ends; like every child, it dies with the lab.

    Raises `PartError`, with the end of its log, when it fails or outlives the deadline.
    """
    child = ChildProcess(name, user=user)
    try:
        child.start(command, environment, log_file, working_folder=working_folder)
        wait_until(lambda: not child.is_running(), deadline_seconds, f"{name} to end")
    finally:
        child.kill()
    if child.exit_code != 0:
        raise PartError(f"{name} ended with {describe_exit_code(child.exit_code)}.{_quoted_log(child)}")


def _stands_still(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class ChildProcesses:
    """Owns the lab's children in the order of their start, and stops them in reverse when its block is left.

    It leaves nothing behind: an orderly end, an exception and Ctrl-C pass through `stop`, and a lab that is killed
    outright leaves its children to the watchdogs.
    """

    def __init__(self, log_folder: Path) -> None:
        """Logs of children go to `<log_folder>/<name>.log`."""
        self.log_folder = log_folder
        self._owned: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_child(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        working_folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> ChildProcess:
        """Starts a program as a child of the lab, without waiting for its readiness."""
        child = ChildProcess(name, stop_signal=stop_signal)
        self._owned.append(child)
        child.start(command, environment, self.log_folder / f"{name}.log", working_folder=working_folder)
        return child

    def own(self, part: Child) -> None:
        """Takes over a part that the caller then starts: one that fails halfway is cleared up too."""
        self._owned.append(part)

    def stop(self) -> None:
        """Stops everything in reverse order; once interrupted, kills the rest. Raises the first failure at the end."""
        failure: BaseException | None = None
        for owned in self._owned:
            owned.retire()
        while self._owned:
            owned = self._owned.pop()
            try:
                # A second Ctrl-C asks for an immediate end.
                if failure is None or isinstance(failure, Exception):
                    owned.stop()
                else:
                    owned.kill()
            except BaseException as error:  # noqa: BLE001 - raised below, once the others are stopped
                failure = failure or error
                with contextlib.suppress(Exception):
                    owned.kill()
        if failure is not None:
            raise failure
