"""Exports of the hub's rows on every store: page after page, by id, with the columns that are promised."""

from __future__ import annotations

import json
from typing import Any

from hub.application.ports import RowChange, UnitsOfWork
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.transfer.model import NAME as TRANSFER
from pix.scheme.exports import EXPORTED_BY_HUB, ExportKey
from tests.contract.hub.stored_transfers import add, numbered
from tests.support.hub_builders import ANA, BIA, completed
from tests.support.return_builders import pending_return


def exported(units: UnitsOfWork, flow: str, size: int) -> list[dict[str, Any]]:
    """Every row, read by pages of so many."""
    rows: list[dict[str, Any]] = []
    after: ExportKey | None = None
    while True:
        with units() as unit:
            page = unit.rows[flow].export(after, size)
        lines = page.lines.splitlines()
        assert len(lines) <= size
        rows += [dict(zip(EXPORTED_BY_HUB[flow], json.loads(line), strict=True)) for line in lines]
        after = page.last
        if after is None:
            return rows


def test_an_export_has_every_transfer_by_id(with_banks: UnitsOfWork) -> None:
    assert exported(with_banks, TRANSFER, 3) == []
    add(with_banks, *(numbered(number) for number in (5, 1, 4, 2, 3, 6)))
    for size in (1, 2, 3, 6, 7):
        ids = [row["end_to_end_id"] for row in exported(with_banks, TRANSFER, size)]
        assert ids == sorted(numbered(number).end_to_end_id for number in range(1, 7))


def test_an_exported_transfer_has_its_outcome_and_parties(with_banks: UnitsOfWork) -> None:
    done = completed()
    add(with_banks, done)
    (row,) = exported(with_banks, TRANSFER, 10)
    assert row == {
        "end_to_end_id": done.end_to_end_id,
        "status": "completed",
        "reason": None,
        "amount_centavos": done.amount_centavos,
        "payer_ispb": ANA.ispb,
        "payer_account_number": ANA.account_number,
        "payee_ispb": BIA.ispb,
        "payee_account_number": BIA.account_number,
        "closed_at_ms": done.closed_at_ms,
    }


def test_open_rows_are_counted(with_banks: UnitsOfWork) -> None:
    add(with_banks, completed(), numbered(2, resend_at_ms=7), numbered(3, resend_at_ms=8))
    with with_banks() as unit:
        assert unit.transfers.count_open() == 2
        assert unit.rows[RETURN].count_open() == 0


def test_an_exported_return_names_its_original(with_banks: UnitsOfWork) -> None:
    row = pending_return()
    with with_banks() as unit:
        unit.rows[RETURN].save([RowChange(row, (), is_new=True)])
        unit.commit()
    (shown,) = exported(with_banks, RETURN, 10)
    assert (shown["return_id"], shown["original_end_to_end_id"]) == (row.return_id, row.original_end_to_end_id)
