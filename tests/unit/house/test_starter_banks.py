"""The starter banks stay small and independent, and docs/write-a-bank.md builds the one in Python."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from importlib import import_module
from typing import Final

import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.support.guide import Kind
from tests.support.starters import EXAMPLES, GUIDE, PYTHON_BANK, guide_blocks, guide_files
from tests.unit.house.repository import SHIPPED_PACKAGES, files, project

LINES_MAX: Final = 250
"""Of code, in the one file of Python that the smallest bank has."""
BANK: Final = (PYTHON_BANK / "bank.py").read_text(encoding="utf-8")
GO_STUBS: Final = EXAMPLES / "bank-go" / "pb"
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


def go_stubs() -> list[str]:
    """The .proto files that the bank in Go has stubs of."""
    return sorted(path.name.removesuffix(".pb.go") for path in GO_STUBS.glob("*.pb.go") if "_grpc" not in path.name)


def contract(name: str) -> FileDescriptor:
    """As our own stubs have it, whose freshness `make check` proves."""
    descriptor = import_module(f"codepix.v1.{name}_pb2").DESCRIPTOR
    assert isinstance(descriptor, FileDescriptor)
    return descriptor


def without_json_names(descriptor: FileDescriptorProto) -> FileDescriptorProto:
    """Stubs for Go keep them, and stubs for Python do not."""
    for message in descriptor.message_type:
        for field in message.field:
            field.ClearField("json_name")
    return descriptor


def test_the_stubs_in_go_are_of_every_file_that_its_bank_compiles() -> None:
    script = (EXAMPLES / "bank-go" / "generate.sh").read_text(encoding="utf-8")
    compiled = re.search(r"codepix/v1/\{([a-z,]+)\}\.proto", script)
    assert compiled is not None and compiled[1].split(",") == go_stubs()


@pytest.mark.parametrize("name", go_stubs())
def test_the_stubs_in_go_are_fresh(name: str) -> None:
    """Without Go and its plugins: a stub holds the descriptor of the file from which it was made."""
    stub = (GO_STUBS / f"{name}.pb.go").read_text(encoding="utf-8")
    written = re.search(r'_rawDesc = "" \+\n(.+?)\n\n', stub, re.DOTALL)
    assert written is not None
    # A line is a string, which Go and Python write alike.
    raw = b"".join(ast.literal_eval("b" + line.strip().removesuffix(" +")) for line in written[1].split("\n"))
    fresh = FileDescriptorProto.FromString(contract(name).serialized_pb)
    made_from = without_json_names(FileDescriptorProto.FromString(raw))
    assert made_from == without_json_names(fresh), "run examples/bank-go/generate.sh"


@pytest.mark.parametrize("name", [name for name in go_stubs() if contract(name).services_by_name])
def test_the_calls_in_go_are_those_of_the_contract(name: str) -> None:
    called = re.findall(r'_FullMethodName += "(.+)"', (GO_STUBS / f"{name}_grpc.pb.go").read_text(encoding="utf-8"))
    assert called == [
        f"/{service.full_name}/{method.name}"
        for service in contract(name).services_by_name.values()
        for method in service.methods
    ], "run examples/bank-go/generate.sh"
