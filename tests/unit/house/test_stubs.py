"""The generator of the stubs notices every way in which the committed ones can be stale."""

import shutil
from pathlib import Path

import pytest

from lab.development.stubs import (
    PROTOS_FOLDER,
    StubsNotGenerated,
    find_differences,
    generate,
    read_stubs,
    write_stubs,
)


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy of the contract that a test may change."""
    return Path(shutil.copytree(PROTOS_FOLDER, tmp_path / "protos"))


def test_the_committed_stubs_are_fresh() -> None:
    assert find_differences(generate(PROTOS_FOLDER), read_stubs(PROTOS_FOLDER)) == []


def test_a_changed_contract_is_noticed_and_written(protos: Path) -> None:
    folder = protos / "codepix" / "v1"
    common = folder / "common.proto"
    common.write_text(common.read_text(encoding="utf-8") + "\nmessage Planted {}\n", encoding="utf-8")
    (folder / "gone_pb2.py").write_text("", encoding="utf-8")
    (folder / "transfers_pb2.py").unlink()
    fresh = generate(protos)
    complaints = {
        line.split(": ")[0].rsplit("/", 1)[1]: line.split(": ")[1]
        for line in find_differences(fresh, read_stubs(protos))
    }
    assert complaints == {
        "common_pb2.py": "is not what its .proto file gives",
        "common_pb2.pyi": "is not what its .proto file gives",
        "gone_pb2.py": "has no .proto file any more",
        "transfers_pb2.py": "is missing",
    }
    write_stubs(fresh, protos)
    assert find_differences(fresh, read_stubs(protos)) == []
    assert (folder / "__init__.py").exists()


def test_a_broken_contract_is_said_in_the_compilers_words(protos: Path) -> None:
    (protos / "codepix" / "v1" / "broken.proto").write_text('syntax = "proto3";\nmessage {', encoding="utf-8")
    with pytest.raises(StubsNotGenerated, match=r"broken\.proto:2"):
        generate(protos)
