"""An entrant of a league is a stranger's program: whatever it does, it stays within its limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from lab.network.parts.process import wait_until
from lab.prove.league import confined
from lab.prove.league.confinement import CgroupConfinement, RlimitConfiner, choose_confiner
from lab.prove.league.entrant_process import RESTARTS_MAX, EntrantProcess, data_folder
from lab.prove.league.entrants import Entrant
from lab.prove.league.limits import Limits

SECONDS_MAX = 20.0
TAKES_MEMORY = "x = bytearray(200_000_000); import time; time.sleep(60)"
STARTS_PROCESSES = """
import subprocess, sys, time
for _ in range(12):
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
time.sleep(60)
"""
FILLS_ITS_FOLDER = """
import os, time
for number in range(20):
    open(os.environ["DATA_DIR"] + f"/{number}", "wb").write(bytes(1_000_000))
time.sleep(60)
"""
LIMITS = Limits(cpus=1, memory_mb=96, processes=8, disk_mb=16, log_mb=1)


@contextmanager
def running(folder: Path, program: str, limits: Limits = LIMITS) -> Iterator[EntrantProcess]:
    """The Python program as an entrant, under rlimits."""
    data = folder / "data"
    data.mkdir()
    process = EntrantProcess(
        Entrant("Stranger", (sys.executable, "-c", program), folder),
        limits,
        RlimitConfiner(limits, None, "of the test").confine("1"),
        lambda: {"DATA_DIR": str(data)},
        data,
        folder / "entrant.log",
    )
    try:
        process.start()
        yield process
    finally:
        process.close()


def notes_with(process: EntrantProcess, word: str) -> Callable[[], list[str]]:
    return lambda: [note for note in process.notes() if word in note]


@pytest.mark.parametrize(
    ("program", "word"),
    [
        (TAKES_MEMORY, "exceeded 96 MB of memory"),
        (STARTS_PROCESSES, "exceeded 8 processes"),
        (FILLS_ITS_FOLDER, "exceeded 16 MB of disk"),
    ],
    ids=["memory", "processes", "disk"],
)
def test_what_grows_too_large_is_killed_and_named(tmp_path: Path, program: str, word: str) -> None:
    with running(tmp_path, program) as process:
        wait_until(notes_with(process, word), SECONDS_MAX, "the limit to be noted")


WRITES_WITHOUT_END = "while True: print('x' * 10_000)"
FILLS_THE_LOG_AT_ONCE = f"""
import os
os.ftruncate(1, {LIMITS.file_bytes})
os.write(1, b"no room")
"""


@pytest.mark.parametrize("program", [WRITES_WITHOUT_END, FILLS_THE_LOG_AT_ONCE], ids=["at length", "at once"])
def test_too_much_output_is_dropped_and_the_bank_goes_on(tmp_path: Path, program: str) -> None:
    with running(tmp_path, program) as process:
        wait_until(notes_with(process, "wrote too much output"), SECONDS_MAX, "the output to be dropped")
        assert not [note for note in process.notes() if "ended" in note]
        process.kill()
        assert (tmp_path / "entrant.log").stat().st_size < 200 * LIMITS.log_bytes


def test_a_bank_that_keeps_ending_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, "print('no such table'); raise SystemExit(3)") as process:
        wait_until(lambda: process.is_down_for_good, SECONDS_MAX, "the bank to be given up")
        assert process.log_tail()[-1] == "no such table"
        assert f"ended unexpectedly: exit code 3 ({RESTARTS_MAX + 1} times)" in process.notes()
        process.revive()
        assert process.is_down_for_good


def test_a_killed_bank_stays_down_until_it_is_revived(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    program = f"open({str(lives)!r}, 'a').write('x'); import time; time.sleep(60)"

    def count() -> int:
        return len(lives.read_text()) if lives.exists() else 0

    with running(tmp_path, program) as process:
        wait_until(lambda: count() == 1, SECONDS_MAX, "the first life")
        process.kill()
        assert count() == 1
        process.revive()
        wait_until(lambda: count() == 2, SECONDS_MAX, "the second life")
        assert process.notes() == []


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    limits = Limits()
    process = EntrantProcess(
        Entrant("Stranger", ("./nothing-here",), tmp_path),
        limits,
        RlimitConfiner(limits, None, "of the test").confine("1"),
        dict,
        tmp_path,
        tmp_path / "entrant.log",
    )
    try:
        process.start()
        wait_until(lambda: process.is_down_for_good, SECONDS_MAX, "the bank to be given up")
        assert "./nothing-here cannot be started" in process.log_tail()[-1]
    finally:
        process.close()


def test_a_child_inherits_the_limits() -> None:
    program = (
        "import json, os, resource\n"
        "names = ('RLIMIT_DATA', 'RLIMIT_FSIZE', 'RLIMIT_CORE', 'RLIMIT_NOFILE')\n"
        "print(json.dumps([resource.getrlimit(getattr(resource, name)) for name in names]))"
    )
    command = (
        RlimitConfiner(Limits(memory_mb=128, disk_mb=32), None, "").confine("1").wrap([sys.executable, "-c", program])
    )
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    data, disk, core, files = found
    assert disk == [288 * 1024 * 1024] * 2
    assert core == [0, 0]
    assert data[0] == data[1] > 128 * 1024 * 1024
    assert files == [confined.FILES_MAX] * 2


def test_a_cgroup_gets_the_limits_and_the_program(tmp_path: Path) -> None:
    """On a folder that looks like a cgroup: not every machine lets a test make a real one."""
    folder = tmp_path / "301"
    confinement = CgroupConfinement(folder, Limits(cpus=0.5, memory_mb=128, processes=10), None)
    assert (folder / "cpu.max").read_text() == "50000 100000"
    assert (folder / "memory.max").read_text() == str(128 * 1024 * 1024)
    assert (folder / "pids.max").read_text() == "160"
    ran = subprocess.run(
        confinement.wrap([sys.executable, "-c", "import os; print(os.getpid())"]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (folder / "cgroup.procs").read_text() == ran.stdout.strip()
    assert confinement.notes() == []
    (folder / "memory.events").write_text("low 0\noom 2\noom_kill 2\n")
    assert confinement.notes() == ["exceeded 128 MB of memory; kills: 2"]
    assert confinement.excess([psutil.Process()]) is None


def test_the_report_says_why_there_is_no_cgroup(tmp_path: Path) -> None:
    confiner = choose_confiner(Limits(), root=tmp_path)
    assert confiner.name == "rlimits"
    assert confiner.why
    (tmp_path / "cgroup.controllers").write_text("cpuset hugetlb")
    assert choose_confiner(Limits(), root=tmp_path).name == "rlimits"


def test_only_root_can_run_a_bank_as_another_user(tmp_path: Path) -> None:
    confinement = RlimitConfiner(LIMITS, "nobody", "of the test").confine("1")
    ran = subprocess.run(confinement.wrap(["id", "-un"]), capture_output=True, text=True)
    if os.geteuid() == 0:
        assert ran.stdout.strip() == "nobody"
        with data_folder(tmp_path, "nobody") as folder:
            assert folder.owner() == "nobody" and not folder.is_relative_to(tmp_path)
        assert not folder.exists()
    else:
        assert "id cannot be started: [Errno 1]" in ran.stderr
