"""The JSON of a payload, as it is signed and as it is read from another bank.

Source: the Central Bank's API Pix, schemas CobPayload and CobVPayload. Written strictly; of another bank's, fields that
no page shows are skipped, and texts are cut to one visible line each.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, ValidationError

from bank_sim.domain.charges.model import ChargeKind, ChargeStatus, Debtor, Detail
from bank_sim.domain.charges.payload import AmountShown, ChargePayload, PayeeShown
from bank_sim.domain.payable_codes.errors import CodeNotPayable, WithdrawalNotOffered
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid
from pix.scheme.keys import parse_stored_key
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.texts import check_line
from pix.scheme.times import check_time_ms

DETAILS_MAX: Final = 50
EXPIRY_SECONDS_MAX: Final = 2**31 - 1
VALID_DAYS_MAX: Final = 100_000
NAME_LENGTH_MAX: Final = 200
DETAIL_NAME_LENGTH_MAX: Final = 50
REQUEST_LENGTH_MAX: Final = 140

Moment = Annotated[AwareDatetime, PlainSerializer(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z")]
Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}\.[0-9]{2}$")]
Count = Annotated[int, Field(ge=0, le=EXPIRY_SECONDS_MAX)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Calendar(_Part):
    criacao: Moment
    apresentacao: Moment
    expiracao: Count | None = None
    dataDeVencimento: date | None = None  # noqa: N815 - the scheme's name
    validadeAposVencimento: Annotated[int, Field(ge=0, le=VALID_DAYS_MAX)] | None = None  # noqa: N815


class _Person(_Part):
    cpf: Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")] | None = None
    cnpj: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{14}$")] | None = None
    nome: Annotated[str, StringConstraints(max_length=NAME_LENGTH_MAX)]
    logradouro: Annotated[str, StringConstraints(max_length=NAME_LENGTH_MAX)] | None = None
    cidade: Annotated[str, StringConstraints(max_length=NAME_LENGTH_MAX)] | None = None
    uf: Annotated[str, StringConstraints(max_length=2)] | None = None
    cep: Annotated[str, StringConstraints(max_length=8)] | None = None


class _Value(_Part):
    original: Amount | None = None
    final: Amount | None = None
    multa: Amount | None = None
    juros: Amount | None = None
    abatimento: Amount | None = None
    desconto: Amount | None = None
    modalidadeAlteracao: Annotated[int, Field(ge=0, le=1)] | None = None  # noqa: N815
    retirada: Any = None


class _Detail(_Part):
    nome: Annotated[str, StringConstraints(max_length=DETAIL_NAME_LENGTH_MAX)]
    valor: Annotated[str, StringConstraints(max_length=NAME_LENGTH_MAX)]


class _Payload(_Part):
    calendario: _Calendar
    txid: str
    revisao: Count
    status: ChargeStatus
    valor: _Value
    chave: str
    devedor: _Person | None = None
    recebedor: _Person | None = None
    solicitacaoPagador: Annotated[str, StringConstraints(max_length=REQUEST_LENGTH_MAX)] | None = None  # noqa: N815
    infoAdicionais: Annotated[list[_Detail], Field(max_length=DETAILS_MAX)] = []  # noqa: N815


class PayloadUnfit(ValueError):
    """The content is no payload of the scheme. The text names the field, for a log."""


def payload_document(payload: ChargePayload) -> dict[str, Any]:
    """The JSON object that is signed; what is empty is left out."""
    document = _Payload(
        calendario=_Calendar(
            criacao=_moment(payload.created_at_ms),
            apresentacao=_moment(payload.shown_at_ms),
            expiracao=payload.expiry_seconds,
            dataDeVencimento=payload.due_day,
            validadeAposVencimento=payload.valid_days_after if payload.kind is ChargeKind.DUE_DATE else None,
        ),
        txid=payload.txid,
        revisao=payload.revision,
        status=payload.status,
        valor=_value(payload),
        chave=payload.key.key,
        devedor=None if payload.debtor is None else _debtor(payload.debtor),
        recebedor=None if payload.payee is None else _payee(payload.payee),
        solicitacaoPagador=payload.payer_request or None,
        infoAdicionais=[_Detail(nome=detail.name, valor=detail.value) for detail in payload.details],
    )
    written = document.model_dump(mode="json", exclude_none=True)
    if not written["infoAdicionais"]:
        del written["infoAdicionais"]
    return written


def read_payload(content: bytes, kind: ChargeKind) -> ChargePayload:
    """The payload of a charge of this kind. Raises PayloadUnfit, WithdrawalNotOffered."""
    try:
        document = _Payload.model_validate_json(content)
    except ValidationError as error:
        places = {".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)}
        raise PayloadUnfit(", ".join(sorted(places))[:200]) from None
    try:
        return _read_due_date(document) if kind is ChargeKind.DUE_DATE else _read_immediate(document)
    except CodeNotPayable:
        raise
    except SchemeError as error:
        raise PayloadUnfit(str(error)) from None


def _read_immediate(document: _Payload) -> ChargePayload:
    value = document.valor
    if value.retirada is not None:
        raise WithdrawalNotOffered
    may_change = value.modalidadeAlteracao == 1
    original = _centavos(value.original, "valor.original")
    if original == 0 and not may_change:
        raise SchemeError("valor.original", "must be more than zero unless the payer may change it")
    if document.calendario.expiracao is None:
        raise SchemeError("calendario.expiracao", "is missing")
    return _common(
        document,
        kind=ChargeKind.IMMEDIATE,
        amount=AmountShown(original, original),
        payer_may_change_amount=may_change,
        expiry_seconds=document.calendario.expiracao,
    )


def _read_due_date(document: _Payload) -> ChargePayload:
    value, calendar = document.valor, document.calendario
    if calendar.dataDeVencimento is None:
        raise SchemeError("calendario.dataDeVencimento", "is missing")
    final = _centavos(value.final, "valor.final")
    if final == 0:
        raise SchemeError("valor.final", "must be more than zero")
    amount = AmountShown(
        original_centavos=_centavos(value.original, "valor.original") if value.original else final,
        final_centavos=final,
        fine_centavos=_centavos(value.multa or "0.00", "valor.multa"),
        interest_centavos=_centavos(value.juros or "0.00", "valor.juros"),
        rebate_centavos=_centavos(value.abatimento or "0.00", "valor.abatimento"),
        discount_centavos=_centavos(value.desconto or "0.00", "valor.desconto"),
    )
    payee = document.recebedor
    return _common(
        document,
        kind=ChargeKind.DUE_DATE,
        amount=amount,
        due_day=calendar.dataDeVencimento,
        valid_days_after=30 if calendar.validadeAposVencimento is None else calendar.validadeAposVencimento,
        payee=None if payee is None else PayeeShown(_line(payee.nome, "recebedor.nome"), payee.cpf or payee.cnpj or ""),
    )


def _common(document: _Payload, **terms: Any) -> ChargePayload:
    debtor = document.devedor
    return ChargePayload(
        txid=check_txid(document.txid, Initiation.QRDN),
        revision=document.revisao,
        status=document.status,
        key=parse_stored_key(document.chave),
        created_at_ms=_milliseconds(document.calendario.criacao, "calendario.criacao"),
        shown_at_ms=_milliseconds(document.calendario.apresentacao, "calendario.apresentacao"),
        debtor=None if debtor is None else Debtor(debtor.cpf or debtor.cnpj or "", _line(debtor.nome, "devedor.nome")),
        payer_request=_line(document.solicitacaoPagador or "", "solicitacaoPagador"),
        details=tuple(
            Detail(_line(detail.nome, "infoAdicionais.nome"), _line(detail.valor, "infoAdicionais.valor"))
            for detail in document.infoAdicionais
        ),
        **terms,
    )


def _value(payload: ChargePayload) -> _Value:
    amount = payload.amount
    if payload.kind is ChargeKind.IMMEDIATE:
        return _Value(
            original=_reais(amount.original_centavos), modalidadeAlteracao=int(payload.payer_may_change_amount)
        )
    return _Value(
        original=_reais(amount.original_centavos),
        final=_reais(amount.final_centavos),
        multa=_reais(amount.fine_centavos) if amount.fine_centavos else None,
        juros=_reais(amount.interest_centavos) if amount.interest_centavos else None,
        abatimento=_reais(amount.rebate_centavos) if amount.rebate_centavos else None,
        desconto=_reais(amount.discount_centavos) if amount.discount_centavos else None,
    )


def _debtor(debtor: Debtor) -> _Person:
    return _Person(
        **_tax_id(debtor.tax_id),
        nome=debtor.name,
        logradouro=debtor.street or None,
        cidade=debtor.city or None,
        uf=debtor.state or None,
        cep=debtor.postal_code or None,
    )


def _payee(payee: PayeeShown) -> _Person:
    return _Person(
        **_tax_id(payee.tax_id),
        nome=payee.name,
        logradouro=payee.street,
        cidade=payee.city,
        uf=payee.state,
        cep=payee.postal_code,
    )


def _tax_id(tax_id: str) -> dict[str, Any]:
    return {"cpf" if len(tax_id) == 11 else "cnpj": tax_id}


def _line(text: str, field: str) -> str:
    return check_line(text, field, 0, NAME_LENGTH_MAX)


def _reais(centavos: int) -> str:
    return f"{centavos // 100}.{centavos % 100:02d}"


def _centavos(text: str | None, field: str) -> int:
    if text is None:
        raise SchemeError(field, "is missing")
    centavos = int(text.replace(".", ""))
    if centavos > AMOUNT_CENTAVOS_MAX:
        raise SchemeError(field, "is over the limit")
    return centavos


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).replace(microsecond=at_ms % 1_000 * 1_000)


def _milliseconds(at: datetime, field: str) -> int:
    try:
        at_ms = int(at.timestamp()) * 1_000 + at.microsecond // 1_000
    except (OverflowError, ValueError):
        raise SchemeError(field, "is no time") from None
    return check_time_ms(at_ms, field)
