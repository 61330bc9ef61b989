"""Deviations of a line or two, which prove that the examiner's cases can fail. `matrix.py` names those of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.broken_banks.mutants.customers import CUSTOMERS
from lab.broken_banks.mutants.decisions import DECISIONS
from lab.broken_banks.mutants.mutant import Mutant
from lab.broken_banks.mutants.records import RECORDS

MUTANTS: Final[Mapping[str, Mutant]] = {**CUSTOMERS, **DECISIONS, **RECORDS}
"""By name, as `--mutant` takes it."""

__all__ = ["MUTANTS", "Mutant"]
