"""What the database keeps of charges as documents: their content, what a batch wants of them, and its refusals."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from pydantic import TypeAdapter

from bank_sim.domain.charges.batches import Refusal
from bank_sim.domain.charges.model import Charge, Debtor, Detail, DueDate, Immediate
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object


@value_object
class _Content:
    """What a merchant may change of a charge, but for its location."""

    key: PixKey
    amount_centavos: int
    terms: Immediate | DueDate
    debtor: Debtor | None
    payer_request: str
    details: tuple[Detail, ...]


_CONTENT: Final = TypeAdapter(_Content)
_FIELDS: Final = tuple(field.name for field in fields(_Content))
_ORDER: Final = TypeAdapter(ChargeOrder)
_CHANGE: Final = TypeAdapter(ChargeChange)
_REFUSALS: Final = TypeAdapter(tuple[Refusal, ...])


def content_json(charge: Charge) -> str:
    content = _Content(
        key=charge.key,
        amount_centavos=charge.amount_centavos,
        terms=charge.terms,
        debtor=charge.debtor,
        payer_request=charge.payer_request,
        details=charge.details,
    )
    return _CONTENT.dump_json(content).decode()


def content_fields(document: Any) -> dict[str, Any]:
    """The fields of a charge that its content has."""
    content = _CONTENT.validate_python(document)
    return {name: getattr(content, name) for name in _FIELDS}


def wanted_json(wanted: ChargeOrder | ChargeChange | None) -> str | None:
    """An order or a change, which of the two by its only field."""
    if wanted is None:
        return None
    if isinstance(wanted, ChargeOrder):
        return f'{{"order": {_ORDER.dump_json(wanted).decode()}}}'
    return f'{{"change": {_CHANGE.dump_json(wanted).decode()}}}'


def wanted_of(document: Any) -> ChargeOrder | ChargeChange | None:
    if document is None:
        return None
    return (
        _ORDER.validate_python(document["order"])
        if "order" in document
        else _CHANGE.validate_python(document["change"])
    )


def refusals_json(refusals: tuple[Refusal, ...]) -> str:
    return _REFUSALS.dump_json(refusals).decode()


def refusals_of(document: Any) -> tuple[Refusal, ...]:
    return _REFUSALS.validate_python(document)
