"""CodePix as a user installs it: the wheel in an environment of its own, on a machine without tools of developers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.unit.house.repository import ROOT

OF_DEVELOPERS: Final = {"git", "make", "gmake", "docker"}
"""Programs that a user of the tool may lack."""
PIPX: Final = "pipx==1.18.4"
UV: Final = "uv==0.13.8"
CONSTRAINTS: Final = ROOT / "constraints.txt"
SECONDS_MAX: Final = 240
PYTEST: Final = "import sys, pytest\nsys.exit(pytest.main())\n"


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """Runs a program to its end and returns what it writes; fails with what it says."""
    finished = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=folder, timeout=SECONDS_MAX
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}{finished.stderr}"
    return finished.stdout


def install(wheel: Path, environment: Path) -> None:
    """Makes an environment with the wheel, and the dependencies of this one without its editable install."""
    run([sys.executable, "-m", "venv", "--without-pip", environment])
    (site,) = (environment / "lib").glob("python3*/site-packages")
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(folders)))
    python = environment / "bin" / "python"
    options = ["--quiet", "--no-deps", "--no-index", str(wheel)]
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", *options])
    script = environment / "bin" / "pytest"
    script.write_text(f"#!{python}\n{PYTEST}")
    script.chmod(0o755)
    found = run([python, "-c", "import lab; print(lab.__file__)"], folder=environment)
    assert Path(found.strip()).is_relative_to(environment)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", *options, str(ROOT)])
    (built,) = folder.glob("codepix-*.whl")
    return built


@pytest.fixture
def machine() -> Iterator[Path]:
    """A folder for what a user has on the machine.

    It is not pytest's, because each start of pytest closes that to other users, and PostgreSQL runs as one under root.
    """
    with tempfile.TemporaryDirectory(prefix="codepix-user-") as name:
        yield Path(name)


@pytest.fixture
def user(machine: Path) -> dict[str, str]:
    """The environment of a user with an empty home, whose machine has no tools of developers."""
    programs = machine / "programs"
    programs.mkdir()
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in folder.iterdir() if folder.is_dir() else ():
            link = programs / program.name
            if program.name not in OF_DEVELOPERS and not link.is_symlink():
                link.symlink_to(program)
    environment = {"PATH": str(programs), "HOME": str(machine / "home"), "LANG": "C.UTF-8", "COLUMNS": "200"}
    assert shutil.which("sh", path=environment["PATH"]) and not shutil.which("git", path=environment["PATH"])
    return environment


@pytest.fixture(scope="session")
def installers() -> Path:
    """The folder with the programs pipx and uv, kept in the user's cache for the next run."""
    name = "-".join((PIPX, UV)).replace("==", "-")
    environment = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codepix" / name
    if not (environment / "complete").exists():
        shutil.rmtree(environment, ignore_errors=True)
        run([sys.executable, "-m", "venv", environment])
        run([environment / "bin" / "python", "-m", "pip", "install", "--quiet", PIPX, UV])
        (environment / "complete").touch()
    return environment / "bin"
