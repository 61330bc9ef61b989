"""Deviations of one line each, which prove that the examiner's cases can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.broken_banks.bank import Bank


@dataclass(frozen=True, slots=True)
class Mutant:
    bank: type[Bank]
    deviation: str


MUTANTS: Final[Mapping[str, Mutant]] = {}
