"""The puzzles of the classroom: a network of three small banks, one of which makes a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lab.broken_banks.defects import Defect
from lab.network.network import BankSpec

BANKS: Final = (
    ("001", "Banco Canoa", "#5b2a86"),
    ("002", "Banco Jangada", "#c98a00"),
    ("003", "Banco Saveiro", "#00798c"),
)
"""Code, name and colour."""


@dataclass(frozen=True, slots=True)
class Puzzle:
    code: str
    """The broken bank's."""
    defect: Defect
    answers: Sequence[Defect]
    """What the student chooses among; one of them is right."""

    def specs(self, *, is_right: bool) -> tuple[BankSpec, ...]:
        """The banks of the network; with `is_right` none of them makes a mistake."""
        return tuple(
            BankSpec(code, name, color, small=("--defect", self.defect) if code == self.code and not is_right else ())
            for code, name, color in BANKS
        )


PUZZLES: Final = (
    Puzzle(
        "002",
        Defect.KEEPS_THE_MONEY,
        (Defect.REFUNDS_TWICE, Defect.NO_FUNDS_CHECK, Defect.KEEPS_THE_MONEY, Defect.FLOAT_MONEY),
    ),
    Puzzle(
        "003",
        Defect.CREDITS_TWICE,
        (Defect.CREDITS_TWICE, Defect.BELIEVES_STRANGERS, Defect.PAYS_TWICE, Defect.ROUNDS_COINS),
    ),
    Puzzle(
        "001",
        Defect.FLOAT_MONEY,
        (Defect.ROUNDS_COINS, Defect.FLOAT_MONEY, Defect.NO_FUNDS_CHECK, Defect.NEVER_COMPLETES),
    ),
    Puzzle(
        "002",
        Defect.NEVER_COMPLETES,
        (Defect.KEEPS_THE_MONEY, Defect.CHANGES_ITS_MIND, Defect.OFFSETS_FIRST, Defect.NEVER_COMPLETES),
    ),
    Puzzle(
        "003",
        Defect.BELIEVES_STRANGERS,
        (Defect.CREDITS_TWICE, Defect.TAKES_ANY_AMOUNT, Defect.BELIEVES_STRANGERS, Defect.CREDITS_OFFERS),
    ),
    Puzzle(
        "001",
        Defect.REFUNDS_TWICE,
        (Defect.REFUNDS_TWICE, Defect.KEEPS_THE_MONEY, Defect.CREDITS_TWICE, Defect.PUBLISHES_FIRST),
    ),
    Puzzle(
        "002",
        Defect.ROUNDS_COINS,
        (Defect.FLOAT_MONEY, Defect.TAKES_ANY_AMOUNT, Defect.NO_FUNDS_CHECK, Defect.ROUNDS_COINS),
    ),
    Puzzle(
        "003",
        Defect.NO_FUNDS_CHECK,
        (Defect.PAYS_TWICE, Defect.NO_FUNDS_CHECK, Defect.REFUNDS_TWICE, Defect.FLOAT_MONEY),
    ),
)
"""By number, from 1. The numbers tell nothing of the mistake."""
