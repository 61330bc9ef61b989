"""docs/integrating.md: a reader who starts with an empty folder and does what the guide says gets tests that pass."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.guide import Kind, blocks_of, section_of
from tests.support.installed import CONSTRAINTS, install, run
from tests.unit.house.repository import ROOT

PAGE = (ROOT / "docs" / "integrating.md").read_text(encoding="utf-8")
SECTIONS = {"python": ("Python", "What else a test can do"), "node": ("Node",)}
LANGUAGES = [pytest.param("python"), pytest.param("node", marks=pytest.mark.node)]


def follow(language: str, folder: Path, environment: dict[str, str], install_packages: Callable[[str], None]) -> str:
    """Writes the files and runs the commands of the guide, in their order; returns what the commands write."""
    written = []
    for block in (block for heading in SECTIONS[language] for block in blocks_of(section_of(PAGE, heading))):
        match block.kind:
            case Kind.FILE:
                (folder / block.name).write_text(block.text, encoding="utf-8")
            case Kind.INSTALL:
                install_packages(block.text)
            case Kind.RUN:
                written.append(run(["bash", "-ec", block.text], environment, folder))
    return "\n".join(written)


def check(language: str, written: str) -> None:
    if language == "python":
        assert "2 passed" in written and "6 passed" in written, written
    else:
        assert "pass 2" in written and "fail 0" in written, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "reader"
    made.mkdir()
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tests_of_the_guide_pass(language: str, wheel: Path, user: dict[str, str], folder: Path) -> None:
    """With the wheel of this checkout, and dependencies that are there already."""

    def install_packages(_command: str) -> None:
        install(wheel, folder / ".venv")

    environment = {**user, "PATH": f"{folder / '.venv' / 'bin'}{os.pathsep}{user['PATH']}"}
    check(language, follow(language, folder, environment, install_packages))


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

    check(language, follow(language, folder, environment, install_packages))


def test_every_block_of_code_is_run() -> None:
    described = [
        block
        for headings in SECTIONS.values()
        for heading in headings
        for block in blocks_of(section_of(PAGE, heading))
    ]
    files = [block.text for block in described if block.kind is Kind.FILE]

    assert sum(PAGE.count(f"```{language}\n") for language in ("python", "js")) == len(files)
