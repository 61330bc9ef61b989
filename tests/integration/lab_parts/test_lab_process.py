"""Children of the lab can be stopped, killed, frozen and restarted, and none outlives the lab."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from lab.network.parts import watchdog
from lab.network.parts.environment import INHERITED
from lab.network.parts.errors import PartError, PartNotReady
from lab.network.parts.process import ChildPart, ChildProcess, ChildProcesses, wait_until

DEADLINE_SECONDS = 15.0
REPOSITORY = Path(__file__).parents[3]

# Announces itself once its signal handling is in place, so that a test never signals too early.
OBEDIENT = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEDIENT
# Has a child in a session of its own, as PostgreSQL's postmaster has.
PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
print(f"child {child.pid}", flush=True)
signal.pause()
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildProcess]:
    """A child that has not been started, and is gone after the test."""
    process = ChildProcess("sample")
    yield process
    process.kill()


def start(child: ChildProcess, program: str, log_file: Path, environment: dict[str, str] | None = None) -> None:
    child.start([sys.executable, "-c", program], environment, log_file)


def await_ready(child: ChildProcess) -> None:
    wait_until(lambda: "ready" in child.log_text(), DEADLINE_SECONDS, "the sample to be ready", children=[child])


def is_gone(pid: int) -> bool:
    """True for a process that ended, even when its parent has not taken note of it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def child_of_parent(child: ChildProcess) -> int:
    wait_until(lambda: "child" in child.log_text(), DEADLINE_SECONDS, "the sample to have a child", children=[child])
    return int(child.log_text().split()[1])


def test_output_and_environment_reach_the_log_and_the_exit_code_the_lab(child: ChildProcess, tmp_path: Path) -> None:
    program = "import os, sys; print(os.environ['GREETING']); print('oops', file=sys.stderr); sys.exit(3)"
    start(child, program, tmp_path / "sample.log", {"GREETING": "hello"})
    wait_until(lambda: not child.is_running(), DEADLINE_SECONDS, "the sample to end")
    assert child.exit_code == 3
    assert sorted(child.log_tail().splitlines()) == ["hello", "oops"]


def test_the_pid_is_that_of_the_command(child: ChildProcess, tmp_path: Path) -> None:
    start(child, "import os; print(os.getpid(), flush=True); " + OBEDIENT, tmp_path / "sample.log")
    await_ready(child)
    assert child.log_text().split()[0] == str(child.pid)


def test_stop_asks_first(child: ChildProcess, tmp_path: Path) -> None:
    start(child, OBEDIENT, tmp_path / "sample.log")
    await_ready(child)
    child.stop()
    assert not child.is_running()
    assert child.exit_code == -signal.SIGTERM
    child.stop()


def test_stop_kills_who_does_not_listen(tmp_path: Path) -> None:
    child = ChildProcess("sample", stop_grace_seconds=0.1)
    start(child, STUBBORN, tmp_path / "sample.log")
    await_ready(child)
    child.stop()
    assert child.exit_code == -signal.SIGKILL


def test_kill_takes_descendants_along(child: ChildProcess, tmp_path: Path) -> None:
    start(child, PARENT, tmp_path / "sample.log")
    descendant = child_of_parent(child)
    child.kill()
    assert is_gone(descendant)
    assert child.exit_code == -signal.SIGKILL


def test_descendants_do_not_outlive_a_command_that_ends_by_itself(child: ChildProcess, tmp_path: Path) -> None:
    start(child, PARENT.replace("signal.pause()\n", "sys.exit(0)\n"), tmp_path / "sample.log")
    wait_until(lambda: not child.is_running(), DEADLINE_SECONDS, "the sample to end")
    assert child.exit_code == 0
    assert is_gone(child_of_parent(child))


def test_freeze_and_thaw_reach_descendants(child: ChildProcess, tmp_path: Path) -> None:
    start(child, PARENT, tmp_path / "sample.log")
    family = [psutil.Process(child.pid), psutil.Process(child_of_parent(child))]
    child.freeze()
    assert {process.status() for process in family} == {psutil.STATUS_STOPPED}
    assert child.is_running()
    child.thaw()
    wait_until(
        lambda: all(process.status() != psutil.STATUS_STOPPED for process in family), DEADLINE_SECONDS, "the thaw"
    )


def test_a_frozen_child_can_be_stopped(child: ChildProcess, tmp_path: Path) -> None:
    start(child, OBEDIENT, tmp_path / "sample.log")
    await_ready(child)
    child.freeze()
    child.stop()
    assert child.exit_code == -signal.SIGTERM


def test_another_start_appends_to_the_log(child: ChildProcess, tmp_path: Path) -> None:
    start(child, "print('ready', flush=True); import signal; signal.pause()", tmp_path / "sample.log")
    await_ready(child)
    first = child.pid
    child.kill()
    start(child, "print('ready', flush=True); import signal; signal.pause()", tmp_path / "sample.log")
    await_ready(child)
    assert child.pid != first
    assert (tmp_path / "sample.log").read_text().count("ready") == 2


def test_a_command_that_does_not_exist_is_named(child: ChildProcess, tmp_path: Path) -> None:
    with pytest.raises(PartError, match=r"sample could not be started: .*no-such-program"):
        child.start(["no-such-program"], None, tmp_path / "sample.log")
    assert not child.is_running()


def test_waiting_for_a_child_that_died_fails_at_once_with_its_log(child: ChildProcess, tmp_path: Path) -> None:
    start(child, "import sys; sys.exit('the database is on fire')", tmp_path / "sample.log")
    began = time.monotonic()
    with pytest.raises(PartNotReady, match=r"(?s)sample ended with exit code 1 .*for health.*on fire"):
        wait_until(lambda: False, DEADLINE_SECONDS, "health", children=[child])
    assert time.monotonic() - began < DEADLINE_SECONDS


def test_waiting_ends_at_the_deadline() -> None:
    with pytest.raises(PartNotReady, match=r"Waited 0.1 seconds for a miracle, in vain."):
        wait_until(lambda: False, 0.1, "a miracle")


def test_waiting_returns_what_the_condition_returned() -> None:
    assert wait_until(lambda: "address", 1, "an address") == "address"


class Recorder(ChildPart):
    """A part that remembers what was done to it."""

    def __init__(self, name: str, record: list[str], failure: BaseException | None = None) -> None:
        super().__init__(name)
        self.record = record
        self.failure = failure

    def start(self) -> None:
        self.record.append(f"start {self.name}")

    def stop(self) -> None:
        self.record.append(f"stop {self.name}")
        if self.failure is not None:
            raise self.failure

    def kill(self) -> None:
        self.record.append(f"kill {self.name}")


def test_the_supervisor_stops_in_reverse_even_when_one_fails(tmp_path: Path) -> None:
    record: list[str] = []
    children = ChildProcesses(tmp_path)
    for name, failure in (("a", None), ("b", PartError("no")), ("c", None)):
        part = Recorder(name, record, failure)
        children.own(part)
        part.start()
    with pytest.raises(PartError, match="no"):
        children.stop()
    assert record == ["start a", "start b", "start c", "stop c", "stop b", "kill b", "stop a"]


def test_a_second_interruption_makes_the_supervisor_kill_the_rest(tmp_path: Path) -> None:
    record: list[str] = []
    children = ChildProcesses(tmp_path)
    for name, failure in (("a", None), ("b", KeyboardInterrupt())):
        part = Recorder(name, record, failure)
        children.own(part)
        part.start()
    with pytest.raises(KeyboardInterrupt):
        children.stop()
    assert record == ["start a", "start b", "stop b", "kill b", "kill a"]


def test_a_child_that_was_stopped_for_good_is_not_started_again(tmp_path: Path) -> None:
    with ChildProcesses(tmp_path) as children:
        sample = children.start_child("sample", [sys.executable, "-c", OBEDIENT])
    with pytest.raises(PartError, match="sample is being stopped for good"):
        sample.start([sys.executable, "-c", OBEDIENT], None, tmp_path / "sample.log")
    assert not sample.is_running()


def test_an_exception_in_the_lab_leaves_no_process(tmp_path: Path) -> None:
    samples: list[ChildProcess] = []

    def fail() -> None:
        with ChildProcesses(tmp_path) as children:
            samples.append(children.start_child("sample", [sys.executable, "-c", OBEDIENT]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert is_gone(samples[0].pid)


LITTLE_LAB = f"""
import json, sys, signal
from pathlib import Path
from lab.network.parts.process import ChildProcesses, wait_until

with ChildProcesses(Path(sys.argv[1])) as children:
    stubborn = children.start_child("stubborn", [sys.executable, "-c", {STUBBORN!r}])
    parent = children.start_child("parent", [sys.executable, "-c", {PARENT!r}])
    frozen = children.start_child("frozen", [sys.executable, "-c", {OBEDIENT!r}])
    wait_until(lambda: "ready" in stubborn.log_text(), 10, "the stubborn one", children=[stubborn])
    wait_until(lambda: "child" in parent.log_text(), 10, "the parent", children=[parent])
    wait_until(lambda: "ready" in frozen.log_text(), 10, "the one to freeze", children=[frozen])
    frozen.freeze()
    grandchild = int(parent.log_text().split()[1])
    print(json.dumps([stubborn.pid, parent.pid, grandchild, frozen.pid]), flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_lab_that_is_ended_from_outside_leaves_no_process(end: signal.Signals, tmp_path: Path) -> None:
    lab = subprocess.Popen(
        [sys.executable, "-c", LITTLE_LAB, str(tmp_path)],
        stdout=subprocess.PIPE,
        # The traceback of a KeyboardInterrupt is of no interest here.
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        start_new_session=True,
    )
    try:
        assert lab.stdout is not None
        pids = json.loads(lab.stdout.readline())
        watchdogs = [psutil.Process(pid).ppid() for pid in (pids[0], pids[1], pids[3])]
        assert not any(is_gone(pid) for pid in [*pids, *watchdogs])
        if end is signal.SIGINT:
            # Ctrl-C waits for the stubborn one; pressed twice, it does not.
            lab.send_signal(end)
            wait_until(lambda: is_gone(pids[3]), DEADLINE_SECONDS, "the frozen child to be stopped")
        lab.send_signal(end)
        lab.wait(DEADLINE_SECONDS)
        wait_until(lambda: all(is_gone(pid) for pid in [*pids, *watchdogs]), DEADLINE_SECONDS, "every child to end")
    finally:
        lab.kill()
        lab.wait()
        assert lab.stdout is not None
        lab.stdout.close()


def test_a_lab_that_dies_before_its_child_is_reported_leaves_no_process(tmp_path: Path) -> None:
    """The watchdog's report meets a closed pipe, as when the lab is killed while it starts a child."""
    sign_of_life = tmp_path / "pid"
    program = f"import os, pathlib, signal; pathlib.Path({str(sign_of_life)!r}).write_text(str(os.getpid())); "
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, "-P", watchdog.__file__, "--", sys.executable, "-c", program + "signal.pause()"],
        stdin=subprocess.PIPE,
        stdout=writing,
    ) as guarded:
        os.close(writing)
        wait_until(lambda: sign_of_life.exists() and sign_of_life.read_text(), DEADLINE_SECONDS, "the command to run")
        assert guarded.poll() is None
        assert guarded.stdin is not None
        guarded.stdin.close()
        guarded.wait(DEADLINE_SECONDS)
    assert is_gone(int(sign_of_life.read_text()))


def test_a_child_inherits_what_is_written_down_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("METRICS_PORT", "HTTP_PROXY", "PGOPTIONS", "JAVA_TOOL_OPTIONS", "BANK_NAME", "OF_A_SHELL"):
        monkeypatch.setenv(name, "of a shell")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/of/a/shell", str(REPOSITORY)]))
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    with ChildProcesses(tmp_path) as children:
        child = children.start_child("curious", [sys.executable, "-c", program], {"OF_THE_LAB": "yes"})
        wait_until(lambda: not child.is_running(), DEADLINE_SECONDS, "the child to end")
    seen = json.loads(child.log_text())
    # Python and macOS add these two.
    assert set(seen) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} <= {*INHERITED, "OF_THE_LAB", "PYTHONPATH"}
    assert seen["OF_THE_LAB"] == "yes" and seen["PATH"] == os.environ["PATH"]
    assert seen["PYTHONPATH"] == str(REPOSITORY)


LAB_IN_THE_BACKGROUND = f"""
import os, signal, sys
from pathlib import Path
from lab.network.parts.process import ChildProcesses, wait_until

assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
with ChildProcesses(Path(sys.argv[1])) as children:
    child = children.start_child("obedient", [sys.executable, "-c", {OBEDIENT!r}])
    wait_until(lambda: "ready" in child.log_text(), 10, "the child", children=[child])
    os.kill(child.pid, signal.SIGINT)
    wait_until(lambda: not child.is_running(), 10, "the child to end by SIGINT")
"""


def test_a_child_heeds_sigint_though_the_lab_was_started_in_the_background(tmp_path: Path) -> None:
    finished = subprocess.run(
        ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", sys.executable, "-c", LAB_IN_THE_BACKGROUND, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
