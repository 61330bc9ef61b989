"""What may not be in any file of the repository."""

import ast
import re
from pathlib import Path

import pytest

from tests.unit.house.repository import ROOT, files, texts

# Written apart, so that this file does not break its own rules.
REGISTRIES = ["py" + "pi.org", "pythonhosted" + ".org", "repo1." + "maven", "repo.maven" + ".apache", "npmjs" + ".org"]
REGISTRIES += ["deb." + "debian.org", "docker" + ".io", "ghcr" + ".io", "quay" + ".io"]
HOMES = r"/(?:ro" + r"ot|home/\w+|Use" + r"rs/\w+)/"
MARKS = ["TO" + "DO", "FIX" + "ME", "X" * 3 + " ", "mock." + "patch", "pytest." + "skip(", "mark." + "skip"]


def offenders(pattern: str) -> list[str]:
    """`file:line` of every line that matches."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts().items()
        if re.search(pattern, text)
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(pattern, line)
    ]


def test_no_package_registry_is_named() -> None:
    assert offenders("|".join(re.escape(host) for host in REGISTRIES)) == []


def test_no_lock_file_names_an_address() -> None:
    locks = {path: text for path, text in texts().items() if Path(path).name == "package-lock.json"}
    assert locks and not [path for path, text in locks.items() if "://" in text]


def test_no_path_of_a_machine_is_named() -> None:
    patterns = [HOMES]
    if len(ROOT.parts) > 2:
        patterns.append(re.escape(f"{ROOT}/"))
    assert offenders("|".join(patterns)) == []


@pytest.mark.parametrize("mark", MARKS)
def test_nothing_is_marked_as_unfinished_or_passed_over(mark: str) -> None:
    assert offenders(rf"(?<![\w.]){re.escape(mark)}") == []


def test_text_ends_with_one_newline_and_has_no_tabs_but_in_makefiles_and_go() -> None:
    wrong = []
    for path, text in texts().items():
        if text and (not text.endswith("\n") or text.endswith("\n\n") or "\r" in text):
            wrong.append(str(path))
        if "\t" in text and path.name not in ("Makefile", "go.mod") and path.suffix != ".go":
            wrong.append(f"{path}: tab")
    assert wrong == []


def test_every_folder_of_python_is_a_package() -> None:
    # A migration, a program of the CI's and an example are run as files.
    apart = {"migrations", ".ci", "examples"}
    folders = {path.parent for path in files() if path.suffix == ".py" and apart.isdisjoint(path.parts)}
    assert [folder for folder in sorted(folders) if folder != Path() and folder / "__init__.py" not in files()] == []


class _Sleeps(ast.NodeVisitor):
    """Finds sleeps that wait a fixed time: those that are in no loop."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self._loops = 0

    def _visit_loop(self, node: ast.While | ast.For) -> None:
        self._loops += 1
        self.generic_visit(node)
        self._loops -= 1

    visit_While = visit_For = _visit_loop  # noqa: N815 (the names that ast calls)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "sleep" and not self._loops:
            self.lines.append(node.lineno)
        self.generic_visit(node)


def test_no_test_sleeps_a_fixed_time() -> None:
    found = []
    for path, text in texts().items():
        if path.parts[0] == "tests" and path.suffix == ".py" and "sleep" in text:
            visitor = _Sleeps()
            visitor.visit(ast.parse(text))
            found += [f"{path}:{line}" for line in visitor.lines]
    assert found == []
