"""Scripts that stand as text in our modules run in other processes and containers: what they import must be there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.unit.house.repository import ROOT, SHIPPED_PACKAGES, texts

IMPORT: Final = re.compile(rf"^from ((?:{'|'.join(sorted(SHIPPED_PACKAGES))})[\w.]*) import ([\w, ]+)$", re.MULTILINE)


BEGINNING: Final = re.compile(r"^(?:[A-Za-z_]\w*(?:: .*)? = |def |class |async |@)", re.MULTILINE)
"""Where a module's own imports have ended."""
CUE: Final = re.compile(rf"(?:^|[\"']|\\n)from (?:{'|'.join(sorted(SHIPPED_PACKAGES))})\b", re.MULTILINE)
"""What stands behind it in a module with a script."""


def may_have_script(text: str) -> bool:
    """Without parsing the module: parsing them all takes ten seconds."""
    begun = BEGINNING.search(text)
    return begun is not None and CUE.search(text, begun.start()) is not None


def imported(text: str) -> list[tuple[str, str]]:
    """Module and name of each import in the scripts of a module's text."""
    scripts = [
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return [
        (module, name.strip().partition(" as ")[0])
        for script in scripts
        for module, names in IMPORT.findall(script)
        for name in names.split(",")
    ]


def names_of(module: str) -> set[str]:
    """What a module of ours defines or imports at its top level; empty when there is none of this name."""
    path = ROOT / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return set()
    found: set[str] = {each.stem for each in path.glob("*")} if path.is_dir() else set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_what_scripts_import_is_there() -> None:
    asked = {
        (str(path), module, name)
        for path, text in texts().items()
        if path.suffix == ".py" and path != Path(__file__).relative_to(ROOT) and may_have_script(text)
        for module, name in imported(text)
    }
    assert len(asked) > 5
    assert [each for each in sorted(asked) if each[2] not in names_of(each[1])] == []


@pytest.mark.parametrize("script", ["from pix.scheme.money import NoSuchName", "from pix.no_such_room import Any"])
def test_what_is_not_there_is_noticed(script: str) -> None:
    text = f"import os\n\nSCRIPT = '''\n{script}\n'''\n"
    assert may_have_script(text)
    ((module, name),) = imported(text)
    assert name not in names_of(module)
