"""The service levels of the real scheme as lines that a load passes or does not. Pure.

Source: the Central Bank's manual of Pix times. Where what we measure contains more than what the manual means, the line
is the harder for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

SETTLED_MS_MAX: Final = 40_000
HUB_P50_MS_MAX: Final = 2_800
HUB_P99_MS_MAX: Final = 4_600
PAYEE_BANK_P50_MS_MAX: Final = 1_400
PAYEE_BANK_P95_MS_MAX: Final = 2_300
LOOK_UP_P99_MS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class PassLine:
    """One line of the table: what was measured, and the most that it may be, both in the same unit."""

    name: str
    measured: float | None
    """None: there was nothing to measure."""
    most: float
    unit: str = "ms"
    is_needed: bool = False
    """A run that has not measured this has not been one."""

    @property
    def is_passed(self) -> bool | None:
        """None where nothing was measured that had to be."""
        if self.measured is None:
            return False if self.is_needed else None
        return self.measured <= self.most

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.is_passed}

    @classmethod
    def of(cls, document: dict[str, Any]) -> PassLine:
        return cls(**{name: value for name, value in document.items() if name != "passed"})


@dataclass(frozen=True, slots=True)
class Times:
    settled_longest: float | None
    hub_p50: float | None
    hub_p99: float | None
    payee_bank_p50: float | None
    payee_bank_p95: float | None
    look_up_p99: float | None


def pass_lines(times: Times, failures: int, broken_invariants: int | None, *, must_settle: bool) -> list[PassLine]:
    """Every line. `broken_invariants`: None without an audit; `must_settle`: the mix contains payments."""
    return [
        PassLine(
            "from the click to the end, the longest", times.settled_longest, SETTLED_MS_MAX, is_needed=must_settle
        ),
        PassLine("from the request to the hub's decision, p50", times.hub_p50, HUB_P50_MS_MAX),
        PassLine("from the request to the hub's decision, p99", times.hub_p99, HUB_P99_MS_MAX),
        PassLine("of it the payee's bank, p50", times.payee_bank_p50, PAYEE_BANK_P50_MS_MAX),
        PassLine("of it the payee's bank, p95", times.payee_bank_p95, PAYEE_BANK_P95_MS_MAX),
        PassLine("look-up of a key, p99", times.look_up_p99, LOOK_UP_P99_MS_MAX),
        PassLine("failed requests, visits and payments", failures, 0, "", is_needed=True),
        PassLine("broken invariants in the audit", broken_invariants, 0, "", is_needed=True),
    ]


def are_passed(lines: Sequence[PassLine]) -> bool:
    return all(line.is_passed is not False for line in lines)
