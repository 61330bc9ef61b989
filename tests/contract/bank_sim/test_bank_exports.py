"""Exports of a bank's rows and postings on every store, and what the bank says of what is under way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bank_sim.application.exports import Exports
from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.flows.postings import posting
from bank_sim.domain.flows.transfer.model import NAME, TransferStatus
from pix.scheme.exports import EXPORTED_BY_BANK, EXPORTED_POSTINGS, ExportKey, ExportPage
from pix.scheme.postings import PostingKind
from tests.contract.bank_sim.test_bank_stores import add_account, add_transfers
from tests.support.bank_builders import ANA, NOW_MS, STRANGER, incoming, outgoing


def exported(
    units: UnitsOfWork, read: Callable[[UnitOfWork, ExportKey | None, int], ExportPage], size: int
) -> list[list[Any]]:
    """Every row, read by pages of so many."""
    rows: list[list[Any]] = []
    after: ExportKey | None = None
    while True:
        with units() as unit:
            page = read(unit, after, size)
        lines = page.lines.splitlines()
        assert len(lines) <= size
        rows += map(json.loads, lines)
        after = page.last
        if after is None:
            return rows


def test_an_export_has_both_sides_of_every_transfer_by_id(units: UnitsOfWork) -> None:
    add_account(units)
    sides = [
        replace(side, end_to_end_id=f"{side.end_to_end_id[:-1]}{letter}", idempotency_key="")
        for letter in "Bca"
        for side in (outgoing(), incoming(TransferStatus.CONFIRMED))
    ]
    add_transfers(units, *sides)
    for size in (1, 2, 5, 6, 7):
        rows = exported(units, lambda unit, after, size: unit.rows[NAME].export(after, size), size)
        assert [tuple(row[:2]) for row in rows] == sorted(side.row_id for side in sides)
    row = dict(zip(EXPORTED_BY_BANK[NAME], rows[0], strict=True))
    assert row["status"] == "confirmed"
    assert row["payer_ispb"] == STRANGER.ispb
    assert row["payee_account_number"] == ANA.number
    assert row["resend_at_ms"] is None
    with units() as unit:
        assert unit.transfers.count_undecided() == 3


def test_postings_of_operations_come_by_operation_and_those_of_transfers_by_id(units: UnitsOfWork) -> None:
    add_account(units)
    debited = [replace(outgoing(), end_to_end_id=f"E{number}", idempotency_key=f"p{number}") for number in (3, 1, 2)]
    with units() as unit:
        unit.postings.add(
            [
                books.settlement_funding("f2", 500, NOW_MS),
                books.settlement_funding("f1", -100, NOW_MS),
                *(posting(row, PostingKind.SETTLEMENT_OUT, NOW_MS) for row in debited),
            ]
        )
        unit.commit()
    for size in (1, 2, 3, 4):
        operations = exported(units, lambda unit, after, size: unit.postings.export_operations(after, size), size)
        assert [row[EXPORTED_POSTINGS.index("operation_id")] for row in operations] == ["f1", "f2"]
        of_rows = exported(units, lambda unit, after, size: unit.postings.export_of_rows(after, size), size)
        assert [row[EXPORTED_POSTINGS.index("end_to_end_id")] for row in of_rows] == ["E1", "E2", "E3"]
    under_way = Exports(units).under_way()
    assert under_way.funded_centavos == 400
    assert under_way.last_posting_id == max(row[0] for row in (*operations, *of_rows))
