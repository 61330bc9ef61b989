"""The code blocks of a guide, for a test that does what the guide says.

A comment before a block tells what it is: `<!-- file: shop.py -->` a file that the reader writes, `<!-- run -->` a
command that the reader types, `<!-- install -->` a command that brings packages. Other blocks only show something.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_BLOCK: Final = re.compile(
    r"^<!-- (install|run|file: (?P<name>\S+)) -->\n+```(?P<language>[a-z]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Kind(StrEnum):
    FILE = "file"
    RUN = "run"
    INSTALL = "install"


@dataclass(frozen=True, slots=True)
class Block:
    kind: Kind
    language: str
    text: str
    name: str = ""
    """Of a file."""


def section_of(page: str, heading: str) -> str:
    """The text from a heading of the second level to the next one."""
    _, found, rest = page.partition(f"\n## {heading}\n")
    assert found, heading
    return rest.partition("\n## ")[0]


def blocks_of(text: str) -> list[Block]:
    """The blocks that a comment describes, in their order."""
    return [
        Block(
            Kind(match[1].partition(":")[0]),
            match["language"],
            match["text"],
            match["name"] or "",
        )
        for match in _BLOCK.finditer(text)
    ]
