"""Received Pix, and their returns (`devolucao`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bank_sim.application.receipts.ports import ReceiptFilter
from bank_sim.application.receipts.use_cases import Receipt, ReturnTooLate
from bank_sim.application.webhooks.documents import pix_document, return_document, return_order_key
from bank_sim.domain.errors import HubUnavailable, IdempotencyConflict, TransferNotFound
from bank_sim.domain.flows.returns.requests import AmountOverRest, ReturnNotFound
from bank_sim.entrypoints.http.api_pix.access import ApiOf, Merchant, merchant
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError, Violation, invalid_kind, rule_error
from bank_sim.entrypoints.http.api_pix.paging import PagingOf, PeriodOf, TaxIdOf, paging_document
from bank_sim.entrypoints.http.api_pix.texts import parse_reais
from pix.scheme.errors import SchemeError
from pix.scheme.people import mask_tax_id

RETURN_ID: Final = r"^[a-zA-Z0-9]{1,35}$"
TXID: Final = r"^[a-zA-Z0-9]{1,35}$"
ORIGINAL: Final = "ORIGINAL"
WITHDRAWAL: Final = "RETIRADA"

router = APIRouter()

Reader = Annotated[Merchant, Depends(merchant("pix.read"))]
Writer = Annotated[Merchant, Depends(merchant("pix.write"))]


class ReturnOrder(BaseModel):
    """The body of `PUT /pix/{e2eid}/devolucao/{id}`."""

    model_config = ConfigDict(extra="ignore")

    valor: str
    natureza: str = ORIGINAL
    descricao: str = Field(default="", max_length=140)

    @field_validator("valor")
    @classmethod
    def _check_amount(cls, text: str) -> str:
        if parse_reais(text) == 0:
            raise ValueError("O valor da devolução deve ser maior que zero.")
        return text

    @field_validator("natureza")
    @classmethod
    def _check_nature(cls, text: str) -> str:
        if text == WITHDRAWAL:
            raise ValueError("A natureza RETIRADA só vale para um Pix Saque ou Pix Troco, e este Pix não é um deles.")
        if text != ORIGINAL:
            raise ValueError("A natureza deve ser ORIGINAL ou RETIRADA.")
        return text


@router.get("/pix/{e2eid}")
def find_pix(api: ApiOf, asking: Reader, e2eid: str) -> dict[str, Any]:
    """One Pix that the merchant received."""
    return _document(_find(api, asking, e2eid))


@router.get("/pix")
def list_pix(
    request: Request,
    api: ApiOf,
    asking: Reader,
    period: PeriodOf,
    paging: PagingOf,
    payer: TaxIdOf,
    txid: Annotated[str, Query(pattern=TXID)] = "",
    has_txid: Annotated[bool | None, Query(alias="txIdPresente")] = None,
    has_return: Annotated[bool | None, Query(alias="devolucaoPresente")] = None,
) -> dict[str, Any]:
    """The Pix that the merchant received, by the time of the credit, oldest first."""
    narrow = ReceiptFilter(
        account_number=asking.account_number,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        txid=txid,
        has_txid=has_txid,
        has_return=has_return,
        payer_tax_id_masked=_masked(request, payer),
    )
    page = api.bank.receipts.list(narrow, paging.skip, paging.size)
    parameters = paging_document(
        period,
        paging,
        page.total,
        txid=txid,
        txIdPresente=has_txid,
        devolucaoPresente=has_return,
        cpf=payer if len(payer) == 11 else "",
        cnpj=payer if len(payer) == 14 else "",
    )
    return {"parametros": parameters, "pix": [_document(receipt) for receipt in page.receipts]}


@router.put("/pix/{e2eid}/devolucao/{return_number}", status_code=201)
def request_return(
    request: Request, api: ApiOf, asking: Writer, e2eid: str, return_number: str, body: ReturnOrder
) -> dict[str, Any]:
    """Returns a Pix, whole or in part. The same id with the same body gives the return as it stands."""
    if not _is_return_number(return_number):
        reason = "O id da devolução deve ter de 1 a 35 letras ou dígitos."
        raise PixApiError(ErrorKind.PixDevolucaoInvalida, violations=[Violation(reason, "id", return_number)])
    with _return_errors(request, body, return_number):
        row = api.bank.receipts.give_back(
            account_number=asking.account_number,
            end_to_end_id=e2eid,
            amount_centavos=parse_reais(body.valor),
            description=body.descricao,
            order_key=return_order_key(e2eid, return_number),
        )
    return return_document(row)


@router.get("/pix/{e2eid}/devolucao/{return_number}")
def find_return(api: ApiOf, asking: Reader, e2eid: str, return_number: str) -> dict[str, Any]:
    """One return; one that was not ordered here has its return id in the place of the merchant's own."""
    try:
        if not _is_return_number(return_number) or not e2eid.isalnum() or not e2eid.isascii():
            raise ReturnNotFound
        row = api.bank.receipts.find_return(
            asking.account_number, e2eid, return_order_key(e2eid, return_number), return_number
        )
    except ReturnNotFound:
        raise PixApiError(ErrorKind.PixDevolucaoNaoEncontrada, "Este Pix não tem uma devolução com este id.") from None
    return return_document(row)


def _find(api: ApiOf, asking: Merchant, e2eid: str) -> Receipt:
    try:
        return api.bank.receipts.find(asking.account_number, e2eid)
    except TransferNotFound:
        raise _pix_not_found() from None


def _pix_not_found() -> PixApiError:
    return PixApiError(ErrorKind.PixNaoEncontrado, "Nenhum Pix recebido tem este e2eid.")


def _document(receipt: Receipt) -> dict[str, Any]:
    return pix_document(receipt.transfer, receipt.returns, receipt.parts)


def _is_return_number(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) <= 35


def _masked(request: Request, tax_id: str) -> str:
    if not tax_id:
        return ""
    try:
        return mask_tax_id(tax_id)
    except SchemeError as error:
        raise rule_error(request, error, "cpf" if len(tax_id) == 11 else "cnpj") from None


@contextmanager
def _return_errors(request: Request, body: ReturnOrder, return_number: str) -> Iterator[None]:
    """What an order to return breaks, in the API's words."""
    try:
        yield
    except TransferNotFound:
        raise _pix_not_found() from None
    except AmountOverRest:
        reason = "A devolução, somada às anteriores, excede o valor do Pix original."
        raise _invalid(request, Violation(reason, "devolucao.valor", body.valor)) from None
    except IdempotencyConflict:
        reason = "Este id já foi usado em outra devolução deste Pix, com outro conteúdo."
        raise _invalid(request, Violation(reason, "id", return_number)) from None
    except ReturnTooLate:
        reason = "O prazo para devolver este Pix, de 90 dias desde a liquidação, já passou."
        raise _invalid(request, Violation(reason, "e2eid")) from None
    except HubUnavailable:
        raise
    except SchemeError as error:
        names = {"amount_centavos": "devolucao.valor", "description": "devolucao.descricao"}
        raise rule_error(request, error, names.get(error.field, error.field)) from None


def _invalid(request: Request, violation: Violation) -> PixApiError:
    return PixApiError(invalid_kind(request), violations=[violation])
