"""Becomes a command under limits: `python confined.py OPTIONS -- command…`.

It sets the limits on itself and then turns into the command, which inherits them and so do its children. It runs as a
file rather than with `-m`, because it then starts without importing anything of the lab.

    --cgroup FOLDER     joins this cgroup
    --cores N           keeps to the first N of the cores that it may use
    --data BYTES        RLIMIT_DATA
    --file BYTES        RLIMIT_FSIZE
    --user NAME         becomes this system user; only root can
"""

from __future__ import annotations

import os
import pwd
import resource
import sys
from pathlib import Path

EXIT_CODE_NOT_STARTED = 127
FILES_MAX = 1_024


def limit(number: int, most: int) -> None:
    """Sets both limits, the hard one too, so that the command cannot raise them."""
    _, hard = resource.getrlimit(number)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(number, (most, most))


def confine(options: dict[str, str]) -> None:
    if "--cgroup" in options:
        (Path(options["--cgroup"]) / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    # macOS has no affinity.
    if "--cores" in options and hasattr(os, "sched_setaffinity"):
        usable = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, usable[: max(1, int(options["--cores"]))])
    for name, number in (
        ("--data", resource.RLIMIT_DATA),
        ("--file", resource.RLIMIT_FSIZE),
    ):
        if name in options:
            limit(number, int(options[name]))
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, FILES_MAX)
    if "--user" in options:
        user = pwd.getpwnam(options["--user"])
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def main(arguments: list[str]) -> None:
    separator = arguments.index("--")
    names, command = arguments[:separator], arguments[separator + 1 :]
    try:
        confine(dict(zip(names[::2], names[1::2], strict=True)))
        os.execvp(command[0], command)  # noqa: S606 - that is what it is for
    except (OSError, KeyError, ValueError) as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr, flush=True)
        os._exit(EXIT_CODE_NOT_STARTED)


if __name__ == "__main__":
    main(sys.argv[1:])
