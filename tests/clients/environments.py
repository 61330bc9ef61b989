"""An environment for each client and each starter bank in the user's cache, made the first time that it is needed.

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
EXAMPLES: Final = HERE.parents[1] / "examples"
PROTOS: Final = HERE.parents[1] / "protos"
CACHE_FOLDER: Final = Path(".cache/codepix/clients")
"""In the user's home."""
MAKING_SECONDS_MAX: Final = 600.0
"""Go compiles gRPC the first time."""
PYTHON_CLIENTS: Final = ("pypix-api.txt", "efipay.txt")


class EnvironmentMissing(Exception):
    """An environment could not be made."""


def python_of(requirements: str) -> Path:
    """The Python of an environment with what this file of the folder pins, and nothing else."""
    pinned = HERE / requirements

    def make(folder: Path) -> None:
        run(folder.parent, sys.executable, "-m", "venv", "--without-pip", str(folder))
        pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"))
        run(folder.parent, *pip, "install", "--quiet", "--no-deps", "--requirement", str(pinned))

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return environment_of(pinned.stem, f"{version} {pinned.read_text()}", make) / "bin" / "python"


def node_modules() -> Path:
    """The folder from which Node finds what `node/package-lock.json` pins."""
    files = [HERE / "node" / name for name in ("package.json", "package-lock.json")]

    def make(folder: Path) -> None:
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

    return environment_of("node", "".join(file.read_text() for file in files), make) / "node_modules"


def typescript_bank() -> tuple[str, ...]:
    """The command that starts the starter bank in TypeScript, compiled."""
    sources = EXAMPLES / "bank-typescript"
    files = [sources / name for name in ("package.json", "package-lock.json", "tsconfig.json", "bank.ts", "fields.ts")]

    def make(folder: Path) -> None:
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        run(folder, "npm", "run", "build")

    made = environment_of("bank-typescript", "".join(file.read_text() for file in files), make)
    return ("env", f"PROTOS={PROTOS}", "node", str(made / "dist" / "bank.js"))


def go_bank() -> tuple[str, ...]:
    """The command that starts the starter bank in Go, compiled."""
    sources = EXAMPLES / "bank-go"
    files = [*sorted(sources.rglob("*.go")), sources / "go.mod", sources / "go.sum"]

    def make(folder: Path) -> None:
        folder.mkdir()
        run(sources, "go", "build", "-o", str(folder / "bank"), ".")

    return (str(environment_of("bank-go", "".join(file.read_text() for file in files), make) / "bank"),)


def environment_of(name: str, content: str, make: Callable[[Path], None]) -> Path:
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


def run(folder: Path, *command: str) -> None:
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
    print(*typescript_bank())
    print(*go_bank())


if __name__ == "__main__":
    main()
