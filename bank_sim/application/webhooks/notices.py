"""Notes what webhooks owe, in the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bank_sim.application.ports import UnitOfWork
from bank_sim.domain.flows.returns.model import Return, ReturnStatus
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.webhooks.model import Notice
from pix.scheme.postings import Direction


def note_receipts(unit: UnitOfWork, rows: Iterable[Any], now_ms: int, real_now_ms: int) -> None:
    """Adds a notice for each of these changed rows that was decided at `now_ms` and that a webhook is told of.

    A credit that carries a txid is told of, and the end of a return of such a credit. Without them no statement runs.
    """
    received: list[Transfer] = []
    ended: list[Return] = []
    for row in rows:
        if row.decided_at_ms != now_ms:
            continue
        if isinstance(row, Transfer):
            if row.txid and row.direction is Direction.INCOMING and row.status is TransferStatus.CONFIRMED:
                received.append(row)
        elif isinstance(row, Return) and row.direction is Direction.OUTGOING and row.status is not ReturnStatus.PENDING:
            ended.append(row)
    if not received and not ended:
        return
    originals = unit.transfers.find_many({(row.about, Direction.INCOMING) for row in ended}) if ended else {}
    told: list[tuple[Transfer, Return | None]] = [(original, None) for original in received]
    told += [
        (original, row)
        for row in ended
        if (original := originals.get((row.about, Direction.INCOMING))) is not None and original.txid
    ]
    notices = [_notice(original, row, real_now_ms) for original, row in told if original.payee_key is not None]
    if notices:
        hooks = unit.webhooks.find_many({notice.webhook_id for notice in notices})
        unit.notices.add([notice for notice in notices if notice.webhook_id in hooks])


def _notice(original: Transfer, row: Return | None, real_now_ms: int) -> Notice:
    assert original.payee_key is not None, "a Pix with a txid is paid by key"
    return Notice(
        account_number=original.account_number,
        key=original.payee_key,
        txid=original.txid,
        end_to_end_id=original.end_to_end_id,
        return_id="" if row is None else row.return_id,
        amount_centavos=original.amount_centavos if row is None else row.amount_centavos,
        noted_at_ms=real_now_ms,
        due_at_ms=real_now_ms,
    )
