"""The starter banks stay small and independent, and docs/write-a-bank.md builds the one in Python."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import Final

from tests.support.guide import Kind
from tests.support.starters import EXAMPLES, GUIDE, PYTHON_BANK, guide_blocks, guide_files
from tests.unit.house.repository import SHIPPED_PACKAGES, files, project

LINES_MAX: Final = 250
"""Of code, in the one file of Python that the smallest bank has."""
BANK: Final = (PYTHON_BANK / "bank.py").read_text(encoding="utf-8")
NO_CODE: Final = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(source: str) -> int:
    """Without blank lines, comments and docstrings."""
    documents: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documents.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - documents)


def without_space_between_blocks(text: str) -> str:
    return re.sub(r"\n{2,}", "\n\n", text).strip()


def test_the_bank_in_python_is_small() -> None:
    assert [
        path.name for path in files() if path.parts[:2] == ("examples", "bank-python") and path.suffix == ".py"
    ] == ["bank.py"]
    assert lines_of_code(BANK) <= LINES_MAX


def test_the_bank_in_python_has_nothing_of_ours_but_stubs() -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(BANK))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "codepix" in imported and not imported & {*SHIPPED_PACKAGES, "tests"}


def test_its_requirements_are_our_own_versions() -> None:
    options = project()["project"]["optional-dependencies"]
    known = {*project()["project"]["dependencies"], *options["dev"]}
    assert set((PYTHON_BANK / "requirements.txt").read_text(encoding="utf-8").split()) <= known


def test_the_guide_builds_the_bank_in_python() -> None:
    built = guide_files()
    assert set(built) == {"bank.py", "schema.sql"}
    for name, text in built.items():
        expected = (PYTHON_BANK / name).read_text(encoding="utf-8")
        assert without_space_between_blocks(text) == without_space_between_blocks(expected), name


def test_every_block_of_the_guide_is_used() -> None:
    described = [block for block in guide_blocks() if block.kind is not Kind.INSTALL]
    assert len(re.findall(r"^```(?:python|sql|sh)$", GUIDE, re.MULTILINE)) == len(described) + 1


def test_every_starter_bank_tells_how_it_is_run() -> None:
    for name in ("bank-python", "bank-typescript", "bank-go"):
        assert "codepix conform --bank" in (EXAMPLES / name / "README.md").read_text(encoding="utf-8"), name
