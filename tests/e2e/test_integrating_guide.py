"""docs/integrating.md: a reader who starts with an empty folder and does what the guide says gets tests that pass."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.guide import Block, Kind, blocks_of, section_of
from tests.support.installed import CONSTRAINTS, install, run
from tests.unit.house.repository import ROOT

PAGE = (ROOT / "docs" / "integrating.md").read_text(encoding="utf-8")
SECTIONS = {"python": ("Python", "What else a test can do"), "node": ("Node",)}
PASSED = {"python": ("2 passed", "6 passed"), "node": ("pass 2\n",)}
"""What each command of the guide says at its end, among other things."""
LANGUAGES = [pytest.param("python"), pytest.param("node", marks=pytest.mark.node)]


def follow(
    language: str, folder: Path, environment: dict[str, str], install_packages: Callable[[str], None]
) -> list[str]:
    """Writes the files and runs the commands of the guide, in their order; what each command writes."""
    written = []
    for block in guide(language):
        match block.kind:
            case Kind.FILE:
                (folder / block.name).write_text(block.text, encoding="utf-8")
            case Kind.INSTALL:
                install_packages(block.text)
            case Kind.RUN:
                written.append(run(["bash", "-ec", block.text], environment, folder))
    return written


def guide(language: str) -> list[Block]:
    return [block for heading in SECTIONS[language] for block in blocks_of(section_of(PAGE, heading))]


@pytest.fixture
def folder(machine: Path) -> Path:
    """An empty folder."""
    made = machine / "reader"
    made.mkdir()
    return made


# Continuous integration runs the next one, which does more; the suite tries the plugin in test_sandbox_command.py.
@pytest.mark.prove
def test_the_tests_of_the_guide_pass(wheel: Path, user: dict[str, str], folder: Path) -> None:
    """Those in Python, all at once, with the wheel of this checkout and dependencies that are there already."""
    install(wheel, folder / ".venv")
    for block in guide("python"):
        if block.kind is Kind.FILE:
            (folder / block.name).write_text(block.text, encoding="utf-8")
    *_, last = (block.text for block in guide("python") if block.kind is Kind.RUN)

    assert PASSED["python"][-1] in run(["bash", "-ec", last], user, folder)


@pytest.mark.prove
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tests_of_the_guide_pass_after_its_own_installation(
    language: str, wheel: Path, installers: Path, user: dict[str, str], folder: Path
) -> None:
    """From packages as they are fetched, in the versions that a release names."""
    scripts = folder.parent / "scripts"
    search = os.pathsep.join((str(scripts), str(installers), user["PATH"]))
    places = {"PIPX_HOME": str(folder.parent / "pipx"), "PIPX_BIN_DIR": str(scripts)}
    environment = {**os.environ, **user, **places, "PATH": search, "PIP_CONSTRAINT": str(CONSTRAINTS)}
    environment["PIPX_DEFAULT_PYTHON"] = (
        f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    )
    shutil.copy(wheel, folder)

    def install_packages(command: str) -> None:
        run(["bash", "-ec", command], environment, folder)

    written = follow(language, folder, environment, install_packages)
    assert len(written) == len(PASSED[language])
    assert all(passed in text for passed, text in zip(PASSED[language], written, strict=True)), written


def test_every_block_of_code_is_run() -> None:
    files = [block.text for language in SECTIONS for block in guide(language) if block.kind is Kind.FILE]

    assert sum(PAGE.count(f"```{language}\n") for language in ("python", "js")) == len(files) == 7
