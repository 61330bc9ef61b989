"""The public images that docker-compose.yml and Dockerfile name: present, pulled, or replaced by stand-ins.

A machine that can reach no registry gets stand-ins from the checkout's `.ci/stand_ins/make.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.compose.docker import CommandFailed, docker, run

MAKE_STAND_INS: Final = Path(__file__).resolve().parents[2] / ".ci" / "stand_ins" / "make.py"
STAND_IN_LABEL: Final = "codepix.stand-in"
PULL_DEADLINE_SECONDS: Final = 300.0
STAND_INS_DEADLINE_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Images:
    names: Sequence[str]
    """With their tags."""
    stand_ins: Sequence[str]


@contextmanager
def base_images(names: Sequence[str], progress: Callable[[str], None]) -> Iterator[Images]:
    """Makes the images available while the block runs. Raises `PartError` when one can be neither pulled nor made."""
    missing = [name for name in names if not _is_there(name)]
    with ThreadPoolExecutor() as pool:
        pulled = dict(zip(missing, pool.map(_pull, missing), strict=True))
    wanted = [name for name in missing if not pulled[name]]
    try:
        if wanted:
            progress(f"No image can be pulled for {', '.join(wanted)}: making stand-ins")
            _stand_ins(*wanted)
        yield Images(names, wanted)
    finally:
        if wanted:
            _stand_ins("--remove", *wanted)


def _stand_ins(*arguments: str) -> None:
    run(
        [sys.executable, str(MAKE_STAND_INS), *arguments],
        deadline_seconds=STAND_INS_DEADLINE_SECONDS,
        shows_errors=True,
    )


def is_stand_in(name: str) -> bool:
    try:
        label = docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{STAND_IN_LABEL}"}}}}', name)
    except CommandFailed:
        return False
    return label.strip() == "yes"


def _is_there(name: str) -> bool:
    try:
        docker("image", "inspect", name)
    except CommandFailed:
        return False
    # A stand-in that an earlier run has left behind may be outdated; its layers make the next one quick.
    return not is_stand_in(name)


def _pull(name: str) -> bool:
    try:
        docker("pull", "--quiet", name, deadline_seconds=PULL_DEADLINE_SECONDS)
    except CommandFailed:
        return False
    return True
