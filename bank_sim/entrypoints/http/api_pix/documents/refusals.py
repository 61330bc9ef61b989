"""What the domain refuses about charges, as violations of the API: the field's path in a body, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from bank_sim.domain.charges import errors
from bank_sim.domain.charges.batches import Refusal
from bank_sim.domain.charges.errors import TermsRefused
from bank_sim.domain.charges.terms import DUE_DAYS_AHEAD_MAX, VALID_DAYS_AFTER_MAX, TermsFlaw
from bank_sim.domain.errors import AccountBlocked, AccountClosed
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError, Violation
from bank_sim.entrypoints.http.api_pix.texts import reais
from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.web.languages import Language, translate_rule

_PROPERTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "key": "chave",
        "amount_centavos": "valor.original",
        "expiry_seconds": "calendario.expiracao",
        "due_day": "calendario.dataDeVencimento",
        "valid_days_after": "calendario.validadeAposVencimento",
        "fine": "valor.multa",
        "interest": "valor.juros",
        "rebate": "valor.abatimento",
        "discount": "valor.desconto",
        "discount.value": "valor.desconto.valorPerc",
        "discount.dated": "valor.desconto.descontoDataFixa",
        "payer_request": "solicitacaoPagador",
        "details": "infoAdicionais",
        "location_id": "loc.id",
        "debtor": "devedor",
        "debtor.tax_id": "devedor",
        "debtor.name": "devedor.nome",
        "debtor.email": "devedor.email",
        "debtor.street": "devedor.logradouro",
        "debtor.city": "devedor.cidade",
        "debtor.state": "devedor.uf",
        "debtor.postal_code": "devedor.cep",
        "description": "descricao",
        "items": "cobsv",
        "batch_id": "id",
        "revision": "revisao",
    }
)
"""The path in a body of each field of the domain; others have the same name in both."""

_FLAWS: Final[Mapping[TermsFlaw, str]] = MappingProxyType(
    {
        TermsFlaw.EXPIRY: "A expiração deve ser maior que zero.",
        TermsFlaw.AMOUNT_ZERO: "O valor da cobrança não pode ser zero.",
        TermsFlaw.AMOUNT_TOO_LARGE: f"O valor pode ser no máximo {reais(AMOUNT_CENTAVOS_MAX)}.",
        TermsFlaw.DUE_DAY_PASSED: "O vencimento é anterior à data de criação da cobrança.",
        TermsFlaw.DUE_DAY_TOO_FAR: f"O vencimento pode estar no máximo {DUE_DAYS_AHEAD_MAX} dias adiante.",
        TermsFlaw.VALID_DAYS_AFTER: f"A validade após o vencimento vai de 0 a {VALID_DAYS_AFTER_MAX} dias.",
        TermsFlaw.FINE_KIND: "A modalidade da multa é 1 ou 2.",
        TermsFlaw.INTEREST_KIND: "A modalidade dos juros vai de 1 a 8.",
        TermsFlaw.TOTAL_TOO_LARGE: f"Com multa e juros, o valor passaria de {reais(AMOUNT_CENTAVOS_MAX)}.",
        TermsFlaw.REBATE_KIND: "A modalidade do abatimento é 1 ou 2.",
        TermsFlaw.REBATE_TOO_LARGE: "O abatimento deve ser menor que o valor da cobrança e que 100%.",
        TermsFlaw.DISCOUNT_KIND: "A modalidade do desconto vai de 1 a 6.",
        TermsFlaw.DISCOUNT_HAS_VALUE: "As modalidades 1 e 2 não aceitam valorPerc no desconto, só em descontoDataFixa.",
        TermsFlaw.DISCOUNT_WITHOUT_DAYS: "As modalidades 1 e 2 exigem de uma a três datas em descontoDataFixa.",
        TermsFlaw.DISCOUNT_WITHOUT_VALUE: "As modalidades de 3 a 6 exigem valorPerc maior que zero.",
        TermsFlaw.DISCOUNT_HAS_DAYS: "As modalidades de 3 a 6 não aceitam descontoDataFixa.",
        TermsFlaw.DISCOUNT_DAYS_TWICE: "O desconto tem a mesma data mais de uma vez.",
        TermsFlaw.DISCOUNT_TOO_LARGE: "O desconto deve ser menor que o valor da cobrança e que 100%, "
        "também com toda a antecipação possível.",
        TermsFlaw.DISCOUNT_AFTER_DUE_DAY: "O desconto tem uma data posterior ao vencimento.",
    }
)

_SENTENCES_OF_FLAWS: Final = MappingProxyType({flaw.rule: sentence for flaw, sentence in _FLAWS.items()})

_REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        errors.TxidTaken.__name__: "Este txid já identifica outra cobrança sua.",
        errors.TxidInBatch.__name__: "Este txid pertence a um lote que ainda não criou a cobrança, ou que a negou.",
        errors.ChargeNotActive.__name__: "A cobrança não está ATIVA, e só cobranças ativas podem ser alteradas.",
        errors.RemovalWithChanges.__name__: "Uma cobrança é removida sem outras alterações na mesma requisição.",
        errors.KeyNotOfAccount.__name__: "A chave não pertence à sua conta.",
        errors.LocationNotFound.__name__: "Você não tem uma location com este id.",
        errors.LocationTaken.__name__: "A location já é usada por outra cobrança.",
        errors.LocationOfOtherKind.__name__: "A location é de outro tipo de cobrança.",
        errors.RevisionNotFound.__name__: "A cobrança não tem esta revisão.",
        errors.BatchHasCharge.__name__: "O lote traz uma cobrança que já existe ou que pertence a outro lote.",
        errors.BatchOfOtherCharges.__name__: "Um lote mantém as cobranças com que foi criado: nenhuma entra ou sai.",
    }
)
"""By the name of the error's class: a batch keeps that name."""

RESOURCES: Final = ("cob", "cobv", "lotecobv", "payloadlocation")

_INVALID: Final = MappingProxyType(
    {
        "cob": ErrorKind.CobOperacaoInvalida,
        "cobv": ErrorKind.CobVOperacaoInvalida,
        "lotecobv": ErrorKind.LoteCobVOperacaoInvalida,
        "payloadlocation": ErrorKind.PayloadLocationOperacaoInvalida,
    }
)
_INVALID_QUERY: Final = MappingProxyType(
    {
        "cob": ErrorKind.CobConsultaInvalida,
        "cobv": ErrorKind.CobVConsultaInvalida,
        "lotecobv": ErrorKind.LoteCobVConsultaInvalida,
        "payloadlocation": ErrorKind.PayloadLocationConsultaInvalida,
    }
)
_NOT_FOUND: Final = MappingProxyType(
    {
        "cob": (errors.ChargeNotFound, ErrorKind.CobNaoEncontrado, "Você não tem uma cobrança com este txid."),
        "cobv": (
            errors.ChargeNotFound,
            ErrorKind.CobVNaoEncontrada,
            "Você não tem uma cobrança com vencimento com este txid.",
        ),
        "lotecobv": (errors.BatchNotFound, ErrorKind.LoteCobVNaoEncontrado, "Você não tem um lote com este id."),
        "payloadlocation": (
            errors.LocationNotFound,
            ErrorKind.PayloadLocationNaoEncontrado,
            "Você não tem uma location com este id.",
        ),
    }
)


@contextmanager
def refusals_of(resource: str) -> Iterator[None]:
    """Turns what the domain refuses into the API's errors of a resource, one of `RESOURCES`. Raises PixApiError."""
    missing, not_found, detail = _NOT_FOUND[resource]
    try:
        yield
    except missing:
        raise PixApiError(not_found, detail) from None
    except errors.RevisionNotFound as error:
        raise PixApiError(_INVALID_QUERY[resource], violations=violations_of(error)) from None
    except AccountBlocked:
        raise PixApiError(ErrorKind.AcessoNegado, "A conta desta credencial está bloqueada.") from None
    except AccountClosed:
        raise PixApiError(ErrorKind.AcessoNegado, "A conta desta credencial está encerrada.") from None
    except SchemeError as error:
        raise PixApiError(_INVALID[resource], violations=violations_of(error, resource)) from None


def violations_of(error: SchemeError, resource: str = "") -> list[Violation]:
    """The violations that an error of the domain stands for; `resource` leads the property of a body."""
    if isinstance(error, TermsRefused):
        return [Violation(_FLAWS[flaw], _path(flaw.field, resource)) for flaw in error.flaws]
    return [Violation(_reason(type(error).__name__, error.rule), _path(error.field, resource))]


def problem_of_item(refusals: Sequence[Refusal]) -> dict[str, Any]:
    """`problema` of a charge that a batch has denied."""
    violations: list[Violation] = []
    for refusal in refusals:
        if refusal.kind:
            violations.append(Violation(_reason(refusal.kind, refusal.rule), _path(refusal.field, "cobv")))
        else:
            violations.append(Violation(refusal.rule, refusal.field, refusal.value))
    return PixApiError(ErrorKind.CobVOperacaoInvalida, violations=violations).document()


def _reason(kind: str, rule: str) -> str:
    return _REFUSED.get(kind) or _SENTENCES_OF_FLAWS.get(rule) or translate_rule(Language.PORTUGUESE, rule)


def _path(field: str, resource: str) -> str:
    path = _PROPERTIES.get(field, field)
    return f"{resource}.{path}" if resource and field not in ("txid", "batch_id") else path
