"""What every call has in common: who calls, and how an error is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeVar, cast

import grpc

from hub.domain.bank import Bank
from hub.domain.errors import (
    BankNotActive,
    BankNotFound,
    KeyLimitReached,
    KeyNotFound,
    KeyTaken,
    LookUpsExhausted,
    NotAuthenticated,
    TransferNotFound,
)
from pix.rpc.context import metadata_of
from pix.rpc.metadata import (
    METADATA_FIELD,
    METADATA_OWNER,
    METADATA_RETRY_AFTER,
    METADATA_RULE,
)
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.credentials import METADATA_ISPB, METADATA_SECRET
from pix.scheme.errors import SchemeError

CERTIFICATE_NAMES: Final = ("x509_common_name", "x509_subject_alternative_name")
"""Where gRPC puts the names in the caller's certificate."""

STATUS_OF_ERROR: Final[dict[type[SchemeError], grpc.StatusCode]] = {
    NotAuthenticated: grpc.StatusCode.UNAUTHENTICATED,
    BankNotActive: grpc.StatusCode.PERMISSION_DENIED,
    BankNotFound: grpc.StatusCode.NOT_FOUND,
    KeyNotFound: grpc.StatusCode.NOT_FOUND,
    TransferNotFound: grpc.StatusCode.NOT_FOUND,
    KeyTaken: grpc.StatusCode.ALREADY_EXISTS,
    KeyLimitReached: grpc.StatusCode.RESOURCE_EXHAUSTED,
    LookUpsExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    SchemeError: grpc.StatusCode.INVALID_ARGUMENT,
}
"""The one table from the hub's errors to gRPC's codes."""

Request = TypeVar("Request")
Response = TypeVar("Response")

log = logger(__name__)


def answer(
    authenticate: Callable[[str, str], Bank],
    act: Callable[[Bank, Request], Response],
    request: Request,
    context: grpc.ServicerContext,
) -> Response:
    """Authenticates the caller, acts for it, and turns an error into a status that names the field and the rule."""
    try:
        return act(Caller(context).authenticate(authenticate), request)
    except SchemeError as error:
        _abort(context, error)
    except DatabaseUnavailable:
        context.abort(grpc.StatusCode.UNAVAILABLE, "the hub's database does not answer, try again")
    except Exception:
        log.exception("a call failed", call=type(request).__name__)
        context.abort(grpc.StatusCode.INTERNAL, "the hub failed to answer")
    raise AssertionError("abort raises")


async def answer_in_turns(
    act: Callable[[Request, Caller], Awaitable[Response]], request: Request, context: Any
) -> Response:
    """The same for a call that is answered by a coroutine; `act` authenticates the caller by what it reads."""
    try:
        return await act(request, Caller(context))
    except SchemeError as error:
        code, trailer = _status_of(error)
        context.abort(code, str(error), trailer)
    except DatabaseUnavailable:
        context.abort(grpc.StatusCode.UNAVAILABLE, "the hub's database does not answer, try again")
    except Exception:
        log.exception("a call failed", call=type(request).__name__)
        context.abort(grpc.StatusCode.INTERNAL, "the hub failed to answer")
    raise AssertionError("abort raises")


class Caller:
    """Who says that it calls, until it is authenticated."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._metadata = metadata_of(context)

    def authenticate(self, authenticate: Callable[[str, str], Bank]) -> Bank:
        """The bank that calls. Raises NotAuthenticated and BankNotActive."""
        bank = authenticate(_text(self._metadata, METADATA_ISPB), _text(self._metadata, METADATA_SECRET))
        _check_certificate(self._context, bank)
        return bank


def _check_certificate(context: grpc.ServicerContext, caller: Bank) -> None:
    """A certificate that was shown must name the bank that calls. Raises NotAuthenticated."""
    shown = cast("Mapping[str, Sequence[bytes]]", context.auth_context())
    names = {name.decode("ascii", "replace") for kind in CERTIFICATE_NAMES for name in shown.get(kind, ())}
    if names and caller.ispb not in names:
        raise NotAuthenticated("certificate", "is that of another bank")


def _text(metadata: Mapping[str, str | bytes], name: str) -> str:
    value = metadata.get(name, "")
    return value if isinstance(value, str) else ""


def _abort(context: grpc.ServicerContext, error: SchemeError) -> NoReturn:
    code, trailer = _status_of(error)
    context.set_trailing_metadata(trailer)
    context.abort(code, str(error))
    raise AssertionError("abort raises")


def _status_of(error: SchemeError) -> tuple[grpc.StatusCode, tuple[tuple[str, str | bytes], ...]]:
    code = next(STATUS_OF_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_OF_ERROR)
    trailer: list[tuple[str, str | bytes]] = [(METADATA_FIELD, error.field), (METADATA_RULE, _ascii(error.rule))]
    if isinstance(error, KeyTaken):
        trailer.append((METADATA_OWNER, error.bank_name.encode()))
    if isinstance(error, LookUpsExhausted):
        trailer.append((METADATA_RETRY_AFTER, str(error.retry_after_seconds)))
    return code, tuple(trailer)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
