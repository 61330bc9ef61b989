"""What the routers of `cob` and `cobv` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Path, Query

from bank_sim.application.charges.ports import ChargeFilter
from bank_sim.domain.charges.model import Charge, ChargeKind, ChargeStatus, Location
from bank_sim.domain.credentials.model import Merchant
from bank_sim.entrypoints.http.api_pix.access import Api
from bank_sim.entrypoints.http.api_pix.documents.answers import ChargeWriter
from bank_sim.entrypoints.http.api_pix.documents.payments import payment_documents
from bank_sim.entrypoints.http.api_pix.documents.refusals import refusals_of
from bank_sim.entrypoints.http.api_pix.paging import Paging, Period, paging_document

INT32_MAX: Final = 2**31 - 1
CPF_LENGTH: Final = 11

NewTxid = Annotated[str, Path(alias="txid", pattern="^[a-zA-Z0-9]{26,35}$")]
"""Of a PUT."""
Txid = Annotated[str, Path(alias="txid", max_length=100)]
"""Of a charge that should exist."""
Revision = Annotated[int | None, Query(alias="revisao", ge=0, le=INT32_MAX)]
HasLocation = Annotated[bool | None, Query(alias="locationPresente")]
Status = Annotated[ChargeStatus | None, Query()]


def writer_of(api: Api) -> ChargeWriter:
    """Writes charges with the codes of this bank."""
    names: dict[str, str] = {}

    def holder_of(account_number: str) -> str:
        if account_number not in names:
            names[account_number] = api.bank.queries.find_account(account_number).holder_name
        return names[account_number]

    return ChargeWriter(api.bank.payable_codes, holder_of)


def complete(api: Api, charges: Sequence[tuple[Charge, Location | None]]) -> list[dict[str, Any]]:
    """CobCompleta or CobVCompleta of each: with the Pix that paid it."""
    writer = writer_of(api)
    payments = payment_documents(api.bank, [charge for charge, _ in charges])
    return [writer.document(charge, location, payments.get(charge.charge_id, ())) for charge, location in charges]


def find(api: Api, asking: Merchant, kind: ChargeKind, txid: str, revision: int | None) -> dict[str, Any]:
    """One charge, as it is or as it was in a revision. Raises PixApiError."""
    with refusals_of(kind.value):
        found = api.bank.charges.find(asking.tax_id, txid, kind, revision)
    return complete(api, [found])[0]


def list_of(api: Api, narrow: ChargeFilter, given: Period, page: Paging) -> dict[str, Any]:
    """CobsConsultadas or CobsVConsultadas."""
    found, total = api.bank.charges.list(narrow, page.skip, page.size)
    filters = {
        "cpf" if len(narrow.debtor_tax_id) == CPF_LENGTH else "cnpj": narrow.debtor_tax_id,
        "locationPresente": narrow.has_location,
        "status": None if narrow.status is None else narrow.status.value,
        "loteCobVId": int(narrow.batch_id) if narrow.batch_id else None,
    }
    # The description wants `idCob` of the charges of a list, and says nowhere what it is.
    charges = [{**document, "idCob": document["txid"]} for document in complete(api, found)]
    return {"parametros": paging_document(given, page, total, **filters), "cobs": charges}
