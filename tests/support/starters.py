"""The starter banks of examples/, and the guide that builds one of them."""

from __future__ import annotations

from typing import Final

from tests.support.guide import Block, Kind, blocks_of
from tests.unit.house.repository import ROOT

EXAMPLES: Final = ROOT / "examples"
PYTHON_BANK: Final = EXAMPLES / "bank-python"
GUIDE: Final = (ROOT / "docs" / "write-a-bank.md").read_text(encoding="utf-8")


def guide_blocks() -> list[Block]:
    return blocks_of(GUIDE)


def guide_files() -> dict[str, str]:
    """The files that a reader of the guide has at its end: a block goes below the one before, as the page says."""
    files: dict[str, list[str]] = {}
    for block in guide_blocks():
        if block.kind is Kind.FILE:
            files.setdefault(block.name, []).append(block.text)
    return {name: "\n\n".join(parts) for name, parts in files.items()}
