"""An environment for each client in the user's cache, made the first time that it is needed.

Its folder is named by the digest of the versions in it, and appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lab.network.parts.environment import home_folder

HERE: Final = Path(__file__).parent
CACHE_FOLDER: Final = Path(".cache/codepix/clients")
"""In the user's home."""
MAKING_SECONDS_MAX: Final = 240.0
PYTHON_CLIENTS: Final = ("pypix-api.txt", "efipay.txt")


class EnvironmentMissing(Exception):
    """An environment could not be made."""


def python_of(requirements: str) -> Path:
    """The Python of an environment with what this file of the folder pins, and nothing else."""
    pinned = HERE / requirements

    def make(folder: Path) -> None:
        _run(folder.parent, sys.executable, "-m", "venv", "--without-pip", str(folder))
        pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"))
        _run(folder.parent, *pip, "install", "--quiet", "--no-deps", "--requirement", str(pinned))

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _environment(pinned.stem, f"{version} {pinned.read_text()}", make) / "bin" / "python"


def node_modules() -> Path:
    """The folder from which Node finds what `node/package-lock.json` pins."""
    files = [HERE / "node" / name for name in ("package.json", "package-lock.json")]

    def make(folder: Path) -> None:
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        _run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

    return _environment("node", "".join(file.read_text() for file in files), make) / "node_modules"


def _environment(name: str, content: str, make: Callable[[Path], None]) -> Path:
    folder = home_folder() / CACHE_FOLDER / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}.unfinished-") as workplace:
            unfinished = Path(workplace) / "environment"
            make(unfinished)
            # Of two that make it at the same time the first one stays.
            with contextlib.suppress(OSError):
                unfinished.rename(folder)
    return folder


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=MAKING_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise EnvironmentMissing(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2_000:]}")


def main() -> None:
    """Makes every environment, so that no test waits for a download."""
    for requirements in PYTHON_CLIENTS:
        print(python_of(requirements))
    print(node_modules())


if __name__ == "__main__":
    main()
