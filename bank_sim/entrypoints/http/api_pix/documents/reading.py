"""The bodies of requests about charges, as the domain has them. Source: the API Pix, CobSolicitada and its kin.

More is taken than the description says, for the sake of the clients that there are: null is a field left out, a whole
number may be a text of digits (so are some in the description's own examples), and unknown fields are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bank_sim.domain.charges.checks import (
    DEBTOR_TEXT_LENGTH_MAX,
    DETAIL_NAME_LENGTH_MAX,
    DETAIL_VALUE_LENGTH_MAX,
    DETAILS_MAX,
    PAYER_REQUEST_LENGTH_MAX,
)
from bank_sim.domain.charges.model import (
    ChargeKind,
    DatedDiscount,
    Debtor,
    Detail,
    Discount,
    DueDate,
    Immediate,
    Modality,
)
from bank_sim.domain.charges.orders import ChargeChange, ChargeOrder
from bank_sim.domain.charges.terms import DATED_DISCOUNTS_MAX
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError
from bank_sim.entrypoints.http.api_pix.texts import parse_reais
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KEY_LENGTH_MAX, PixKey, parse_stored_key
from pix.scheme.people import check_cnpj, check_cpf
from pix.scheme.texts import check_line

EXPIRY_SECONDS_DEFAULT: Final = 86_400
VALID_DAYS_AFTER_DEFAULT: Final = 30
INT32_MAX: Final = 2**31 - 1
STATE_LENGTH: Final = 2
POSTAL_CODE_LENGTH_MAX: Final = 8

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CPF: Final = re.compile(r"[0-9]{11}")
_CNPJ: Final = re.compile(r"[0-9A-Z]{12}[0-9]{2}")

Value = TypeVar("Value")
Found = TypeVar("Found")


def _whole(value: Any) -> Any:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("O campo deve ser um número inteiro.")
    return value


def _centavos(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError('O campo deve ser um texto, como "10.50".')
    return parse_reais(value)


def _day(value: Any) -> Any:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("O campo deve ser uma data (AAAA-MM-DD).")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("Esta data não existe no calendário.") from None


def _key(value: Any) -> Any:
    if not isinstance(value, str) or not 0 < len(value) <= KEY_LENGTH_MAX:
        raise ValueError(f"O campo deve ser um texto de 1 a {KEY_LENGTH_MAX} caracteres.")
    try:
        return parse_stored_key(value)
    except SchemeError:
        raise ValueError("A chave não respeita o formato das chaves do DICT.") from None


def _text(value: str) -> str:
    """Refuses what no line of text may hold, before a batch keeps it."""
    try:
        check_line(value, "text", 0, len(value))
    except SchemeError:
        raise ValueError("O texto tem quebras de linha ou caracteres que não podem ser exibidos.") from None
    return value


def _no_withdrawal(value: Any) -> Any:
    if value is not None:
        raise PixApiError(
            ErrorKind.AcessoNegado, "Este banco não oferece Pix Saque nem Pix Troco: retire valor.retirada da cobrança."
        )
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
Centavos = Annotated[int, BeforeValidator(_centavos)]
Day = Annotated[date, BeforeValidator(_day)]
Key = Annotated[PixKey, BeforeValidator(_key)]
NoWithdrawal = Annotated[None, BeforeValidator(_no_withdrawal)]
Text = Annotated[str, AfterValidator(_text)]
Name = Annotated[Text, Field(min_length=1, max_length=DEBTOR_TEXT_LENGTH_MAX)]
Line = Annotated[Text, Field(max_length=DEBTOR_TEXT_LENGTH_MAX)]
Removed = Literal["REMOVIDA_PELO_USUARIO_RECEBEDOR"]


class Part(BaseModel):
    """An object within a body."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


class ImmediateDebtor(Part):
    """`devedor` of a cob."""

    cpf: str | None = None
    cnpj: str | None = None
    nome: Name

    @model_validator(mode="after")
    def _check_tax_id(self) -> ImmediateDebtor:
        if (self.cpf is None) == (self.cnpj is None):
            raise ValueError("Informe cpf ou cnpj, um dos dois.")
        pattern, check, text = (_CPF, check_cpf, self.cpf) if self.cpf is not None else (_CNPJ, check_cnpj, self.cnpj)
        _check_tax_id(pattern, check, text or "")
        return self

    @property
    def tax_id(self) -> str:
        return self.cpf or self.cnpj or ""

    def debtor(self) -> Debtor:
        return Debtor(self.tax_id, self.nome)


class DueDateDebtor(ImmediateDebtor):
    """`devedor` of a cobv."""

    email: Line | None = None
    logradouro: Line | None = None
    cidade: Line | None = None
    uf: Annotated[Text, Field(max_length=STATE_LENGTH)] | None = None
    cep: Annotated[Text, Field(max_length=POSTAL_CODE_LENGTH_MAX)] | None = None

    def debtor(self) -> Debtor:
        return Debtor(
            self.tax_id,
            self.nome,
            self.email or "",
            self.logradouro or "",
            self.cidade or "",
            self.uf or "",
            self.cep or "",
        )


def _check_tax_id(pattern: re.Pattern[str], check: Callable[[str], str], text: str) -> None:
    name = "CPF" if pattern is _CPF else "CNPJ"
    if not pattern.fullmatch(text):
        raise ValueError(f"O {name} não respeita o formato do schema.")
    try:
        check(text)
    except SchemeError:
        raise ValueError(f"Os dígitos verificadores do {name} não conferem.") from None


class LocationChoice(Part):
    """`loc`."""

    id: Annotated[Whole, Field(ge=0)]


class Info(Part):
    """One of `infoAdicionais`."""

    nome: Annotated[Text, Field(min_length=1, max_length=DETAIL_NAME_LENGTH_MAX)]
    valor: Annotated[Text, Field(min_length=1, max_length=DETAIL_VALUE_LENGTH_MAX)]


class Common(Part):
    """What every body about a charge may have."""

    loc: LocationChoice | None = None
    solicitacaoPagador: Annotated[Text, Field(max_length=PAYER_REQUEST_LENGTH_MAX)] | None = None  # noqa: N815
    infoAdicionais: Annotated[list[Info], Field(max_length=DETAILS_MAX)] | None = None  # noqa: N815

    @property
    def location_id(self) -> int | None:
        return None if self.loc is None else self.loc.id

    @property
    def details(self) -> tuple[Detail, ...] | None:
        if self.infoAdicionais is None:
            return None
        return tuple(Detail(info.nome, info.valor) for info in self.infoAdicionais)


class Expiry(Part):
    """`calendario` of a cob."""

    expiracao: Annotated[Whole, Field(gt=0, le=INT32_MAX)] | None = None


class ImmediateValue(Part):
    """`valor` of a cob."""

    original: Centavos
    modalidadeAlteracao: Annotated[Whole, Field(ge=0, le=1)] | None = None  # noqa: N815
    retirada: NoWithdrawal = None


class ImmediateValueChange(ImmediateValue):
    original: Centavos | None = None  # type: ignore[assignment]


class DueCalendar(Part):
    """`calendario` of a cobv."""

    dataDeVencimento: Day  # noqa: N815
    validadeAposVencimento: Annotated[Whole, Field(ge=0, le=INT32_MAX)] | None = None  # noqa: N815


class Share(Part):
    """`multa`, `juros` and `abatimento`."""

    modalidade: Whole
    valorPerc: Centavos  # noqa: N815

    def modality(self) -> Modality:
        return Modality(self.modalidade, self.valorPerc)


class Fine(Share):
    modalidade: Annotated[Whole, Field(ge=1, le=2)]


class Interest(Share):
    modalidade: Annotated[Whole, Field(ge=1, le=8)]


class DiscountDay(Part):
    """One of `descontoDataFixa`."""

    data: Day
    valorPerc: Centavos  # noqa: N815


class DiscountChoice(Part):
    """`desconto`: kinds 1 and 2 have days, the others a value."""

    modalidade: Annotated[Whole, Field(ge=1, le=6)]
    valorPerc: Centavos | None = None  # noqa: N815
    descontoDataFixa: Annotated[list[DiscountDay], Field(max_length=DATED_DISCOUNTS_MAX)] | None = None  # noqa: N815

    @model_validator(mode="after")
    def _check_form(self) -> DiscountChoice:
        if self.modalidade <= 2:
            if self.valorPerc is not None:
                raise ValueError("As modalidades 1 e 2 não aceitam valorPerc no desconto, só em descontoDataFixa.")
            if not self.descontoDataFixa:
                raise ValueError("As modalidades 1 e 2 exigem descontoDataFixa com ao menos um elemento.")
        else:
            if self.valorPerc is None:
                raise ValueError("As modalidades de 3 a 6 exigem valorPerc.")
            if self.descontoDataFixa is not None:
                raise ValueError("As modalidades de 3 a 6 não aceitam descontoDataFixa.")
        return self

    def discount(self) -> Discount:
        dated = tuple(DatedDiscount(each.data, each.valorPerc) for each in self.descontoDataFixa or ())
        return Discount(self.modalidade, self.valorPerc or 0, dated)


class DueValue(Part):
    """`valor` of a cobv."""

    original: Centavos
    multa: Fine | None = None
    juros: Interest | None = None
    abatimento: Fine | None = None
    desconto: DiscountChoice | None = None


class DueValueChange(DueValue):
    original: Centavos | None = None  # type: ignore[assignment]


class CobBody(Common):
    """PUT and POST of a cob."""

    calendario: Expiry
    devedor: ImmediateDebtor | None = None
    valor: ImmediateValue
    chave: Key

    def order(self, account_number: str, txid: str = "") -> ChargeOrder:
        expiry = self.calendario.expiracao
        return ChargeOrder(
            account_number=account_number,
            kind=ChargeKind.IMMEDIATE,
            key=self.chave,
            amount_centavos=self.valor.original,
            terms=Immediate(EXPIRY_SECONDS_DEFAULT if expiry is None else expiry, self.valor.modalidadeAlteracao == 1),
            txid=txid,
            debtor=None if self.devedor is None else self.devedor.debtor(),
            payer_request=self.solicitacaoPagador or "",
            details=self.details or (),
            location_id=self.location_id,
        )


class CobChange(Common):
    """PATCH of a cob."""

    calendario: Expiry | None = None
    devedor: ImmediateDebtor | None = None
    valor: ImmediateValueChange | None = None
    chave: Key | None = None
    status: Removed | None = None

    def change(self) -> ChargeChange:
        value = self.valor or ImmediateValueChange()
        may_change = value.modalidadeAlteracao
        return ChargeChange(
            key=self.chave,
            amount_centavos=value.original,
            debtor=_of(self.devedor, ImmediateDebtor.debtor),
            payer_request=self.solicitacaoPagador,
            details=self.details,
            location_id=self.location_id,
            is_removed=self.status is not None,
            expiry_seconds=_of(self.calendario, lambda calendar: calendar.expiracao),
            payer_may_change_amount=None if may_change is None else may_change == 1,
        )


class CobVBody(Common):
    """PUT of a cobv, and one charge of a lotecobv."""

    calendario: DueCalendar
    devedor: DueDateDebtor
    valor: DueValue
    chave: Key

    def order(self, account_number: str, txid: str) -> ChargeOrder:
        valid_days = self.calendario.validadeAposVencimento
        return ChargeOrder(
            account_number=account_number,
            kind=ChargeKind.DUE_DATE,
            key=self.chave,
            amount_centavos=self.valor.original,
            terms=DueDate(
                due_day=self.calendario.dataDeVencimento,
                valid_days_after=VALID_DAYS_AFTER_DEFAULT if valid_days is None else valid_days,
                fine=_of(self.valor.multa, Share.modality),
                interest=_of(self.valor.juros, Share.modality),
                rebate=_of(self.valor.abatimento, Share.modality),
                discount=_of(self.valor.desconto, DiscountChoice.discount),
            ),
            txid=txid,
            debtor=self.devedor.debtor(),
            payer_request=self.solicitacaoPagador or "",
            details=self.details or (),
            location_id=self.location_id,
        )


class CobVChange(Common):
    """PATCH of a cobv, and one charge of a PATCH of a lotecobv."""

    calendario: DueCalendar | None = None
    devedor: DueDateDebtor | None = None
    valor: DueValueChange | None = None
    chave: Key | None = None
    status: Removed | None = None

    def change(self) -> ChargeChange:
        value = self.valor or DueValueChange()
        return ChargeChange(
            key=self.chave,
            amount_centavos=value.original,
            debtor=_of(self.devedor, DueDateDebtor.debtor),
            payer_request=self.solicitacaoPagador,
            details=self.details,
            location_id=self.location_id,
            is_removed=self.status is not None,
            due_day=_of(self.calendario, lambda calendar: calendar.dataDeVencimento),
            valid_days_after=_of(self.calendario, lambda calendar: calendar.validadeAposVencimento),
            fine=_of(value.multa, Share.modality),
            interest=_of(value.juros, Share.modality),
            rebate=_of(value.abatimento, Share.modality),
            discount=_of(value.desconto, DiscountChoice.discount),
        )


class LocBody(Part):
    """POST of a loc."""

    tipoCob: Literal["cob", "cobv"]  # noqa: N815

    @property
    def kind(self) -> ChargeKind:
        return ChargeKind(self.tipoCob)


def _of(part: Value | None, read: Callable[[Value], Found]) -> Found | None:
    return None if part is None else read(part)
