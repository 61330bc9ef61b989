"""README.md, in both languages: the tree is what is there, and the commands exist."""

import re
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT, files, scripts
from tests.unit.house.test_makefile import targets

PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md")}
TREE_LINE = re.compile(r"^(?P<indent>[\s│├└─|`]*)(?P<name>[\w.-][\w./{},-]*)(?:\s{2,}.*)?$")


def blocks(page: str) -> list[str]:
    return re.findall(r"^```[a-z]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def tree_paths(page: str) -> list[Path]:
    """The paths that the tree shows. The tree is the block that has a line for pyproject.toml."""
    (tree,) = [block for block in blocks(page) if re.search(r"^\W*pyproject\.toml\b", block, re.MULTILINE)]
    paths: list[Path] = []
    above: list[tuple[int, Path]] = []
    for line in tree.splitlines():
        match = TREE_LINE.match(line)
        if match is None or match["name"].rstrip("/") in {"", "."}:
            continue
        depth = len(match["indent"])
        above = [(other, path) for other, path in above if other < depth]
        path = (above[-1][1] if above else Path()) / match["name"]
        paths.append(path)
        if match["name"].endswith("/"):
            above.append((depth, path))
    return paths


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_what_the_tree_shows_is_there(page: str) -> None:
    there = {*files(), *(parent for path in files() for parent in path.parents)}
    shown = tree_paths(page)
    assert [path for path in shown if path not in there] == []
    folders = {Path(path.parts[0]) for path in files() if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    assert folders - set(shown) == set()


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_command_exists(page: str) -> None:
    codes = [*blocks(page), *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page)]
    called = {name for code in codes for name in re.findall(r"^\s*(?:\$ )?make ([a-z][a-z-]*)", code, re.MULTILINE)}
    assert called <= targets()
    assert {"demo", "test", "check"} <= called
    ours = {name for code in codes for name in re.findall(r"(?:^|\s|/)(codepix(?:-[a-z]+)?) [a-z]", code, re.MULTILINE)}
    assert ours <= set(scripts())


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_files_that_it_links_to_exist(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_figures_of_the_headline_are_those_of_the_performance_page() -> None:
    headline = " ".join(PAGES["README.md"].partition("It is fast:")[2].partition("\n\n")[0].split())
    page = " ".join((ROOT / "docs" / "performance.md").read_text(encoding="utf-8").split())

    figures = re.findall(r"\d+,\d{3} to \d+,\d{3}|\d,\d{3}|\d\.\d+", headline)
    assert len(figures) >= 5
    assert [figure for figure in figures if figure not in page] == []
