"""The errors of the API Pix, as problem documents (RFC 7807) with the Central Bank's types and its `violacoes`.

Kinds and statuses are those of the Central Bank's description of the API; the sentences are ours, in Portuguese, which
is the API's language. A status that the description does not name (401, 405, 413, 415, 429) has a type of our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bank_sim.domain.errors import BankError, HubCredentialsRejected, HubUnavailable
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.errors import SchemeError
from pix.web.languages import Language, translate_rule
from pix.web.problems import MEDIA_TYPE, TOO_LARGE, is_another_media_type

TYPE_PREFIX: Final = "https://pix.bcb.gov.br/api/v2/error/"
OWN_TYPE_PREFIX: Final = "urn:codepix:problem:"
VALUE_LENGTH_MAX: Final = 200
"""Of a value that is repeated in a violation."""
VIOLATIONS_MAX: Final = 50
REQUEST_ID: Final = "codepix.api_request_id"
"""The key of a request's scope for its id in the log of API requests, which is the problem's `correlationId`."""

log = logger(__name__)


class ErrorKind(Enum):
    """A kind of error. Its name is the end of the problem's `type`."""

    RequisicaoInvalida = 400, "Requisição inválida"
    AcessoNegado = 403, "Acesso negado"
    NaoEncontrado = 404, "Não encontrado"
    PermanentementeRemovido = 410, "Removido permanentemente"
    ErroInternoDoServidor = 500, "Erro interno do servidor"
    ServicoIndisponivel = 503, "Serviço indisponível"
    IndisponibilidadePorTempoEsgotado = 504, "Tempo de resposta esgotado"
    CobPayloadNaoEncontrado = 404, "Cobrança não encontrada para esta location"
    CobPayloadOperacaoInvalida = 400, "Consulta inválida à cobrança desta location"
    RecPayloadNaoEncontrado = 404, "Recorrência não encontrada para esta location"
    CobNaoEncontrado = 404, "Cobrança não encontrada"
    CobOperacaoInvalida = 400, "Cobrança inválida"
    CobConsultaInvalida = 400, "Consulta inválida às cobranças"
    CobVNaoEncontrada = 404, "Cobrança com vencimento não encontrada"
    CobVOperacaoInvalida = 400, "Cobrança com vencimento inválida"
    CobVConsultaInvalida = 400, "Consulta inválida às cobranças com vencimento"
    LoteCobVNaoEncontrado = 404, "Lote não encontrado"
    LoteCobVOperacaoInvalida = 400, "Lote inválido"
    LoteCobVConsultaInvalida = 400, "Consulta inválida aos lotes"
    PayloadLocationNaoEncontrado = 404, "Location não encontrada"
    PayloadLocationOperacaoInvalida = 400, "Location inválida"
    PayloadLocationConsultaInvalida = 400, "Consulta inválida às locations"
    PixNaoEncontrado = 404, "Pix não encontrado"
    PixDevolucaoNaoEncontrada = 404, "Devolução não encontrada"
    PixConsultaInvalida = 400, "Consulta inválida aos Pix recebidos"
    PixDevolucaoInvalida = 400, "Devolução inválida"
    WebhookOperacaoInvalida = 400, "Webhook inválido"
    WebhookNaoEncontrado = 404, "Webhook não encontrado"
    WebhookConsultaInvalida = 400, "Consulta inválida aos webhooks"
    # Ours
    NaoAutenticado = 401, "Token ausente ou inválido"
    MetodoNaoPermitido = 405, "Método não permitido"
    CorpoGrandeDemais = 413, "Corpo grande demais"
    FormatoNaoSuportado = 415, "Formato não suportado"
    LimiteExcedido = 429, "Limite de requisições excedido"

    status: int
    title: str

    def __new__(cls, status: int, title: str) -> ErrorKind:
        kind = object.__new__(cls)
        # Two kinds with one status and title stay two kinds.
        kind._value_ = len(cls.__members__)
        kind.status = status
        kind.title = title
        return kind

    @property
    def type(self) -> str:
        """The problem's `type`."""
        return f"{OWN_TYPE_PREFIX if self in _OWN_KINDS else TYPE_PREFIX}{self.name}"


_OWN_KINDS: Final = frozenset(
    {
        ErrorKind.NaoAutenticado,
        ErrorKind.MetodoNaoPermitido,
        ErrorKind.CorpoGrandeDemais,
        ErrorKind.FormatoNaoSuportado,
        ErrorKind.LimiteExcedido,
    }
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: `razao`, `propriedade` and `valor`."""

    reason: str
    property: str
    value: str = ""


class PixApiError(Exception):
    """An answer of the API that is no success. `detail` is a sentence for people; empty: the violations say it."""

    def __init__(
        self,
        kind: ErrorKind,
        detail: str = "",
        violations: Sequence[Violation] = (),
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`status` where a kind has two (404 and 410 of a payload)."""
        super().__init__(kind.name, detail)
        self.kind = kind
        self.detail = detail
        self.violations = tuple(violations)
        self.status = status or kind.status
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The problem, also where a batch shows why it refused an item (`problema`)."""
        detail = (
            self.detail or " ".join(dict.fromkeys(each.reason for each in self.violations)) or f"{self.kind.title}."
        )
        document: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.status,
            "detail": detail,
        }
        if self.violations:
            document["violacoes"] = [
                {"razao": each.reason, "propriedade": each.property, "valor": each.value[:VALUE_LENGTH_MAX]}
                for each in self.violations[:VIOLATIONS_MAX]
            ]
        return document


@dataclass(frozen=True, slots=True)
class _Resource:
    """What a resource calls a body or a query that breaks a rule."""

    operation: ErrorKind
    query: ErrorKind
    name: str
    """By which the properties of its body are named, as in `cob.valor.original`."""


_RESOURCES: Final[Mapping[str, _Resource]] = {
    "cob": _Resource(ErrorKind.CobOperacaoInvalida, ErrorKind.CobConsultaInvalida, "cob"),
    "cobv": _Resource(ErrorKind.CobVOperacaoInvalida, ErrorKind.CobVConsultaInvalida, "cobv"),
    "lotecobv": _Resource(ErrorKind.LoteCobVOperacaoInvalida, ErrorKind.LoteCobVConsultaInvalida, "lotecobv"),
    "loc": _Resource(
        ErrorKind.PayloadLocationOperacaoInvalida, ErrorKind.PayloadLocationConsultaInvalida, "payloadlocation"
    ),
    "pix": _Resource(ErrorKind.PixDevolucaoInvalida, ErrorKind.PixConsultaInvalida, "devolucao"),
    "webhook": _Resource(ErrorKind.WebhookOperacaoInvalida, ErrorKind.WebhookConsultaInvalida, "webhook"),
}
_OTHER: Final = _Resource(ErrorKind.RequisicaoInvalida, ErrorKind.RequisicaoInvalida, "")


def _resource_of(request: Request) -> _Resource:
    _, _, rest = request.url.path.rpartition("/v2/")
    return _RESOURCES.get(rest.partition("/")[0], _OTHER)


def invalid_kind(request: Request) -> ErrorKind:
    """The kind of a request to this address that breaks a rule: of a query for a GET, else of an operation."""
    resource = _resource_of(request)
    return resource.query if request.method in ("GET", "HEAD") else resource.operation


_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "O campo é obrigatório.",
    "extra_forbidden": "O campo não existe no schema.",
    "string_type": "O campo deve ser um texto.",
    "string_too_short": "O texto deve ter no mínimo {min_length} caracteres.",
    "string_too_long": "O texto deve ter no máximo {max_length} caracteres.",
    "string_pattern_mismatch": "O texto não respeita o formato do schema.",
    "int_type": "O campo deve ser um número inteiro.",
    "int_parsing": "O campo deve ser um número inteiro.",
    "int_parsing_size": "O número é grande demais.",
    "int_from_float": "O campo deve ser um número inteiro.",
    "bool_type": "O campo deve ser verdadeiro ou falso.",
    "bool_parsing": "O campo deve ser verdadeiro ou falso.",
    "greater_than": "O valor deve ser maior que {gt}.",
    "greater_than_equal": "O valor não pode ser menor que {ge}.",
    "less_than": "O valor deve ser menor que {lt}.",
    "less_than_equal": "O valor não pode ser maior que {le}.",
    "enum": "O valor deve ser um destes: {expected}.",
    "literal_error": "O valor deve ser um destes: {expected}.",
    "list_type": "O campo deve ser uma lista.",
    "too_long": "A lista deve ter no máximo {max_length} itens.",
    "too_short": "A lista deve ter no mínimo {min_length} itens.",
    "dict_type": "O campo deve ser um objeto.",
    "model_type": "O campo deve ser um objeto.",
    "model_attributes_type": "O campo deve ser um objeto.",
    "date_type": "O campo deve ser uma data (AAAA-MM-DD).",
    "date_parsing": "O campo deve ser uma data (AAAA-MM-DD).",
    "date_from_datetime_parsing": "O campo deve ser uma data (AAAA-MM-DD).",
    "date_from_datetime_inexact": "O campo deve ser uma data (AAAA-MM-DD).",
}
"""What pydantic found, in Portuguese."""
_OF_NO_SCHEMA: Final = "O campo não respeita o schema."


def violation_of(fault: Mapping[str, Any], name: str = "") -> Violation:
    """A fault that pydantic found; `name` leads the property of a body, as `cob` in `cob.valor.original`."""
    place = [str(part) for part in fault.get("loc", ())]
    is_of_body = place[:1] == ["body"]
    if place[:1] and place[0] in ("body", "query", "path", "header"):
        place = place[1:]
    property_name = ".".join([name, *place] if is_of_body and name else place)
    context = {key: str(value) for key, value in (fault.get("ctx") or {}).items()}
    kind = str(fault.get("type", ""))
    if kind == "value_error":
        reason = context.get("error", _OF_NO_SCHEMA)
    elif kind in ("enum", "literal_error"):
        reason = _SENTENCES[kind].format(expected=context.get("expected", "").replace(" or ", " ou "))
    else:
        try:
            reason = _SENTENCES.get(kind, _OF_NO_SCHEMA).format(**context)
        except KeyError:
            reason = _OF_NO_SCHEMA
    return Violation(reason, property_name, _shown(fault.get("input")) if kind != "missing" else "")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return ""
    # Without what no answer and no database can hold: half a character, or a NUL.
    return "".join(character for character in str(value)[:VALUE_LENGTH_MAX] if character.isprintable())


def rule_error(request: Request, error: SchemeError, property_name: str = "") -> PixApiError:
    """A rule of the scheme or the bank that a request to this address breaks, in Portuguese."""
    reason = translate_rule(Language.PORTUGUESE, error.rule)
    return PixApiError(invalid_kind(request), violations=[Violation(reason, property_name or error.field)])


def error_of(request: Request, error: Exception) -> PixApiError:
    """The API's answer to any error; an unknown one is logged, and its answer reveals nothing."""
    match error:
        case PixApiError():
            return error
        case RequestValidationError():
            return _of_faults(request, error)
        case HTTPException():
            return _of_status(request, error)
        case DatabaseUnavailable() | HubUnavailable() | HubCredentialsRejected():
            detail = "O banco não consegue responder agora. Tente novamente em instantes."
            return PixApiError(ErrorKind.ServicoIndisponivel, detail, headers={"Retry-After": "1"})
        case SchemeError():
            return rule_error(request, error)
    log.error("an API request failed", error=type(error).__name__, exc_info=error)
    detail = "O erro foi registrado. Tente novamente mais tarde."
    return PixApiError(ErrorKind.ErroInternoDoServidor, detail)


def _of_faults(request: Request, error: RequestValidationError) -> PixApiError:
    faults = list(error.errors())
    if is_another_media_type(request, error):
        detail = "Envie o corpo em JSON, com o cabeçalho Content-Type: application/json."
        return PixApiError(ErrorKind.FormatoNaoSuportado, detail, headers={"Accept": "application/json"})
    if any(fault.get("type") == "json_invalid" for fault in faults):
        return PixApiError(invalid_kind(request), "O corpo não é um JSON válido.")
    name = _resource_of(request).name
    return PixApiError(invalid_kind(request), violations=[violation_of(fault, name) for fault in faults])


def _of_status(request: Request, error: HTTPException) -> PixApiError:
    match error.status_code:
        case 400:
            return PixApiError(invalid_kind(request), "O corpo da requisição não pode ser lido.")
        case 404:
            return PixApiError(ErrorKind.NaoEncontrado, "Não existe nada neste endereço.")
        case 405:
            detail = "Este endereço não aceita este método."
            return PixApiError(ErrorKind.MetodoNaoPermitido, detail, headers=error.headers)
        case 413:
            assert error.status_code == TOO_LARGE
            return PixApiError(ErrorKind.CorpoGrandeDemais, "O corpo da requisição é grande demais.")
        case status:
            return PixApiError(ErrorKind.RequisicaoInvalida, str(error.detail), status=status, headers=error.headers)


def problem_response(request: Request, error: PixApiError) -> Response:
    """The problem document of an error."""
    document = error.document()
    if request_id := request.scope.get(REQUEST_ID):
        document["correlationId"] = request_id
    return JSONResponse(document, error.status, media_type=MEDIA_TYPE, headers=error.headers)


async def answer_pix_error(request: Request, error: Exception) -> Response:
    """An exception handler."""
    return problem_response(request, error_of(request, error))


def install_errors(app: FastAPI) -> None:
    """Answers every error of an application as the API does."""
    known = (PixApiError, SchemeError, BankError, DatabaseUnavailable, RequestValidationError, HTTPException, Exception)
    for kind in known:
        app.add_exception_handler(kind, answer_pix_error)
