"""The audit's memory does not grow with the number of transfers, sound ones or faulty ones."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab.read.audit import (
    OFFENDERS_SHOWN_MAX,
    AuditReport,
    BankTransfer,
    BankView,
    Books,
    HubTransfer,
    NetworkSnapshot,
    Posting,
    SettlementAccount,
    audit,
)
from tests.unit.lab.test_audit import ANA, BRUNO, FUNDS

TRANSFERS = 5_000
GROWTH_BYTES_MAX = 1_000_000
"""The rows themselves would take some ten times as much."""


@dataclass(frozen=True)
class Made:
    """Rows that are made while they are read, as often as they are read."""

    row_of: Callable[[str], list[Any]]
    count: int

    def __iter__(self) -> Iterator[Any]:
        for number in range(self.count):
            yield from self.row_of(f"E{number:08}")


def hub_rows(end_to_end_id: str) -> list[HubTransfer]:
    return [HubTransfer(end_to_end_id, "completed", None, 1, ANA, BRUNO, True)]


def outgoing_rows(end_to_end_id: str) -> list[BankTransfer]:
    return [BankTransfer(end_to_end_id, "outgoing", "confirmed", None, 1, ANA, BRUNO, owes_message=False)]


def outgoing_postings(end_to_end_id: str) -> list[Posting]:
    return [
        Posting(1, "payment", "customer:1-1", "clearing", 1, end_to_end_id, "outgoing", None),
        Posting(2, "settlement_out", "clearing", "settlement", 1, end_to_end_id, "outgoing", None),
    ]


def incoming_rows(end_to_end_id: str) -> list[BankTransfer]:
    return [BankTransfer(end_to_end_id, "incoming", "confirmed", None, 1, ANA, BRUNO, owes_message=False)]


def incoming_postings(end_to_end_id: str) -> list[Posting]:
    return [Posting(1, "credit", "settlement", "customer:2-2", 1, end_to_end_id, "incoming", None)]


def nothing(_: str) -> list[Any]:
    return []


def network(count: int, incoming: Callable[[str], list[Any]] = incoming_rows) -> NetworkSnapshot:
    """Ana has paid Bruno a centavo so many times."""
    books = Books(0, 0, 0, 0, 0, 0, 0)
    return NetworkSnapshot(
        Made(hub_rows, count),
        {ANA.ispb: SettlementAccount(FUNDS, 0, FUNDS), BRUNO.ispb: SettlementAccount(FUNDS, 0, FUNDS)},
        (
            BankView(ANA.ispb, "001", "Ana's", books, Made(outgoing_rows, count), Made(outgoing_postings, count)),
            BankView(BRUNO.ispb, "002", "Bruno's", books, Made(incoming, count), Made(incoming_postings, count)),
        ),
        Made(hub_rows, count),
    )


def audited(snapshot: NetworkSnapshot) -> tuple[AuditReport, int]:
    """The report, and the most bytes that it took at once."""
    tracemalloc.start()
    try:
        report = audit(snapshot)
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("incoming", "disagreeing"),
    [(incoming_rows, 0), (nothing, TRANSFERS)],
    ids=["sound", "lost by the payee's bank"],
)
def test_memory_is_bounded(incoming: Callable[[str], list[Any]], disagreeing: int) -> None:
    _, few_bytes = audited(network(200, incoming))
    report, many_bytes = audited(network(TRANSFERS, incoming))

    findings = {finding.invariant: finding for finding in report.findings}
    assert report.transfers == {"completed": TRANSFERS, "unknown_to_hub": 0}
    assert findings["outcomes_agree"].numbers["disagreeing"] == disagreeing
    assert len(findings["outcomes_agree"].offenders) == min(disagreeing, OFFENDERS_SHOWN_MAX + 1)
    assert many_bytes - few_bytes < GROWTH_BYTES_MAX
