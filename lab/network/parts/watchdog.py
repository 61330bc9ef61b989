"""Kills a command when the lab ends: `python watchdog.py [--user NAME] -- command…`.

A lab that is killed with SIGKILL can clean nothing up, so every child of it runs below a watchdog. The lab holds the
writing end of the watchdog's standard input and never writes to it. When the lab dies, however it dies, the kernel
closes that end, the watchdog reads the end of the file, and kills the command with everything that it started. A pipe
does this on every Unix; Linux's PR_SET_PDEATHSIG would be tied to the thread that started the child, and is lost when
the child changes its user.

The watchdog tells the lab one line of JSON on its standard output, `{"pid": …}` or `{"error": …}`, sends the command's
output to its own standard error (the lab makes that the log file), and ends the way the command ended: with the same
exit code, or by the same signal.

It runs as a file rather than with `-m`, because it then starts without importing anything of the lab, in about 40 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import resource
import signal
import subprocess
import sys
import threading

import psutil  # type: ignore[import-untyped]

EXIT_CODE_COMMAND_NOT_STARTED = 127
EXIT_CODE_LAB_IS_GONE = 1
KILL_ROUNDS_MAX = 50
KILL_ROUND_SECONDS = 0.1
# From <linux/prctl.h>.
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Makes orphans below the watchdog its own children, so that none of them can slip away. Linux alone has this."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def heed_signals() -> None:
    """Gives the command the signals as they are by default.

    A lab that a shell has started in the background has SIGINT and SIGQUIT ignored, and a child inherits that.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def kill_everything_below(command_pid: int) -> None:
    """Sends SIGKILL to the command's process group and to every descendant, until none is alive."""
    for _ in range(KILL_ROUNDS_MAX):
        # The group still has members when its leader is gone, and on macOS it is the only way to find orphans.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(command_pid, signal.SIGKILL)
        alive = [process for process in psutil.Process().children(recursive=True) if not is_dead(process)]
        if not alive:
            return
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        # A process that was just killed may have forked just before, hence another round.
        psutil.wait_procs(alive, timeout=KILL_ROUND_SECONDS)


def is_dead(process: psutil.Process) -> bool:
    """True for a process that ended, whether or not its parent has taken note."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def end_with_the_lab(command_pid: int) -> None:
    """Blocks until the lab is gone, then kills everything and ends the watchdog."""
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1):
            pass
    kill_everything_below(command_pid)
    os._exit(EXIT_CODE_LAB_IS_GONE)


def wait_for(command_pid: int) -> int:
    """Waits for the command, reaping adopted orphans on the way, and returns its wait status."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == command_pid:
            return status


def reap_orphans() -> None:
    """Takes note of adopted children that have ended, since not every container has an init that would."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_like(status: int) -> None:
    """Ends this process the way the command ended, so that the lab reads the command's own exit code."""
    sys.stderr.flush()
    if not os.WIFSIGNALED(status):
        os._exit(os.waitstatus_to_exitcode(status))
    number = os.WTERMSIG(status)
    # The command has dumped its core if it was to; the watchdog's own would only confuse.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def main(arguments: list[str]) -> None:
    """Runs the command that follows `--`, until it ends or the lab does."""
    separator = arguments.index("--")
    options, command = arguments[:separator], arguments[separator + 1 :]
    user = options[options.index("--user") + 1] if "--user" in options else None
    become_subreaper()
    heed_signals()
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
        )
    except (OSError, KeyError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        os._exit(EXIT_CODE_COMMAND_NOT_STARTED)
    watch = threading.Thread(target=end_with_the_lab, args=(child.pid,), daemon=True)
    watch.start()
    # A lab that died since it started this watchdog reads no report; the thread sees that too, and needs its turn.
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), json.dumps({"pid": child.pid}).encode() + b"\n")
    try:
        status = wait_for(child.pid)
    except ChildProcessError:
        # The thread has killed and reaped the command, because the lab is gone; it ends this process too.
        watch.join()
        return
    kill_everything_below(child.pid)
    reap_orphans()
    end_like(status)


if __name__ == "__main__":
    main(sys.argv[1:])
