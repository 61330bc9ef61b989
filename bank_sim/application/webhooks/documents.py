"""The documents of the API Pix about money that came in: the bodies of webhooks and the answers under `/v2/pix`.

Field names and values are those of the Central Bank's file, schemas Pix and Devolucao. Amounts are texts in reais with
a point; times are RFC 3339 in UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from bank_sim.domain.flows.returns.model import Return, ReturnStatus
from bank_sim.domain.flows.transfer.model import Transfer
from pix.scheme.reasons import ReasonCode

MOTIVE_LENGTH_MAX: Final = 140

STATUSES: Final[Mapping[ReturnStatus, str]] = MappingProxyType(
    {
        ReturnStatus.PENDING: "EM_PROCESSAMENTO",
        ReturnStatus.CONFIRMED: "DEVOLVIDO",
        ReturnStatus.FAILED: "NAO_REALIZADO",
    }
)
"""Of an outgoing return."""

NATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MD06": "ORIGINAL",
        "SL02": "RETIRADA",
        "BE08": "MED_OPERACIONAL",
        "FR01": "MED_FRAUDE",
        "REFU": "MED_PIX_AUTOMATICO",
    }
)
"""By the code of the return's reason."""

_ORDERS_PREFIX: Final = "devolucao"


class AmountParts(Protocol):
    """What the amount of a charge with a due date was made of, in centavos."""

    @property
    def original(self) -> int: ...

    @property
    def rebate(self) -> int: ...

    @property
    def discount(self) -> int: ...

    @property
    def interest(self) -> int: ...

    @property
    def fine(self) -> int: ...


def amount_text(centavos: int) -> str:
    """`12.34` for 1234; not negative."""
    reais, rest = divmod(centavos, 100)
    return f"{reais}.{rest:02d}"


def time_text(at_ms: int) -> str:
    """RFC 3339 in UTC: `2026-11-29T12:00:00.000Z`."""
    seconds, milliseconds = divmod(at_ms, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


def return_order_key(end_to_end_id: str, return_number: str) -> str:
    """The idempotency key of a return that is ordered by `PUT /pix/{e2eid}/devolucao/{id}`."""
    return f"{_ORDERS_PREFIX} {end_to_end_id} {return_number}"


def return_number_of(row: Return) -> str:
    """The merchant's own `id` of a return; of one that was ordered elsewhere, its return id."""
    prefix = f"{_ORDERS_PREFIX} {row.original_end_to_end_id} "
    return row.idempotency_key.removeprefix(prefix) if row.idempotency_key.startswith(prefix) else row.return_id


def return_document(row: Return) -> dict[str, Any]:
    """An outgoing return (Devolucao)."""
    times = {"solicitacao": time_text(row.requested_at_ms)}
    if row.status is ReturnStatus.CONFIRMED and row.decided_at_ms is not None:
        times["liquidacao"] = time_text(row.decided_at_ms)
    document: dict[str, Any] = {
        "id": return_number_of(row),
        "rtrId": row.return_id,
        "valor": amount_text(row.amount_centavos),
        "natureza": NATURES.get(row.return_reason.value, "ORIGINAL"),
        "horario": times,
        "status": STATUSES[row.status],
    }
    if row.description:
        document["descricao"] = row.description
    if row.status is ReturnStatus.FAILED:
        document["motivo"] = _motive(row.reason)
    return document


def pix_document(
    transfer: Transfer, returns: Iterable[Return] = (), parts: AmountParts | None = None
) -> dict[str, Any]:
    """A Pix that came in (Pix), with its outgoing returns. `parts` are those of a charge with a due date."""
    at_ms = transfer.requested_at_ms if transfer.decided_at_ms is None else transfer.decided_at_ms
    document: dict[str, Any] = {"endToEndId": transfer.end_to_end_id}
    if transfer.txid:
        document["txid"] = transfer.txid
    document["valor"] = amount_text(transfer.amount_centavos)
    document["componentesValor"] = _parts(transfer.amount_centavos, parts)
    if transfer.payee_key is not None:
        document["chave"] = transfer.payee_key.key
    document["horario"] = time_text(at_ms)
    if transfer.description:
        document["infoPagador"] = transfer.description
    if listed := [return_document(row) for row in returns]:
        document["devolucoes"] = listed
    return document


def _parts(amount_centavos: int, parts: AmountParts | None) -> dict[str, Any]:
    if parts is None:
        return {"original": {"valor": amount_text(amount_centavos)}}
    named = {
        "juros": parts.interest,
        "multa": parts.fine,
        "abatimento": parts.rebate,
        "desconto": parts.discount,
    }
    shown = {name: {"valor": amount_text(centavos)} for name, centavos in named.items() if centavos}
    return {"original": {"valor": amount_text(parts.original)}, **shown}


def _motive(reason: ReasonCode | None) -> str:
    return "A devolução não foi liquidada." if reason is None else f"A devolução não foi liquidada ({reason.value})."
