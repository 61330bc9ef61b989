"""`github.com.codeedu.codepix.PixService`: keys, as the banks of the course ask for them."""
# ruff: noqa: N802 - the methods have the names of the contract

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, TypeVar

import grpc

from codepix.course import pix_service_pb2 as wire
from codepix.course import pix_service_pb2_grpc
from hub.application.course.directory import (
    CourseAccountNotFound,
    CourseKey,
    CourseKeyMissing,
    CourseKindUnknown,
    FindCourseKey,
    RegisterCourseKey,
)
from hub.domain.errors import KeyNotFound
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.errors import SchemeError

SERVICE: Final = wire.DESCRIPTOR.services_by_name["PixService"].full_name
TEXTS: Final[dict[type[SchemeError], str]] = {
    KeyNotFound: "no key was found",
    CourseAccountNotFound: "no account found",
    CourseKindUnknown: "invalid type of key",
    CourseKeyMissing: "key: Missing required field",
}
"""The original's texts. A bank registers a key at `no key was found` alone, so that nothing else has this text."""
CREATED: Final = "created"

Answer = TypeVar("Answer")

log = logger(__name__)


class PixServicer(pix_service_pb2_grpc.PixServiceServicer):
    def __init__(self, find_key: FindCourseKey, register_key: RegisterCourseKey) -> None:
        self._find_key = find_key
        self._register_key = register_key

    def Find(self, request: wire.PixKey, context: grpc.ServicerContext) -> wire.PixKeyInfo:
        return _answer(context, lambda: _info(self._find_key(request.kind, request.key)))

    def RegisterPixKey(
        self, request: wire.PixKeyRegistration, context: grpc.ServicerContext
    ) -> wire.PixKeyCreatedResult:
        return _answer(
            context,
            lambda: wire.PixKeyCreatedResult(
                id=self._register_key(request.kind, request.key, request.accountId), status=CREATED
            ),
        )


def add_pix_service(server: Any, find_key: FindCourseKey, register_key: RegisterCourseKey) -> Sequence[str]:
    """Adds the service, and what answers calls of methods that it has not; returns its full name."""
    pix_service_pb2_grpc.add_PixServiceServicer_to_server(PixServicer(find_key, register_key), server)
    server.add_fallback(_UnknownMethod())
    return [SERVICE]


class _UnknownMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # no generic type at run time
    """Answers as Go's server does."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        service, _, method = handler_call_details.method.removeprefix("/").partition("/")
        if service != SERVICE:
            return None

        def refuse(_request: bytes, context: grpc.ServicerContext) -> NoReturn:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"unknown method {method} for service {SERVICE}")
            raise AssertionError("abort raises")

        return grpc.unary_unary_rpc_method_handler(refuse)


def go_time(at_ms: int) -> str:
    """As Go prints a time: the fraction without trailing zeros, such as `2026-11-28 16:35:17.858 +0000 UTC`."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    fraction = f".{at_ms % 1000:03d}".rstrip("0").rstrip(".")
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def _info(found: CourseKey) -> wire.PixKeyInfo:
    return wire.PixKeyInfo(
        id=found.key_id,
        kind=found.kind,
        key=found.key,
        account=wire.Account(
            accountId=found.account_id,
            accountNumber=found.account_number,
            bankId=found.bank_id,
            bankName=found.bank_name,
            OwnerName=found.owner_name,
            createdAt=go_time(found.account_created_at_ms),
        ),
        createdAt=go_time(found.registered_at_ms),
    )


def _answer(context: grpc.ServicerContext, act: Callable[[], Answer]) -> Answer:
    """Every refusal has the code UNKNOWN, as in the original; what is no refusal has another."""
    try:
        return act()
    except SchemeError as error:
        text = next((TEXTS[kind] for kind in type(error).__mro__ if kind in TEXTS), str(error))
        context.abort(grpc.StatusCode.UNKNOWN, text)
    except DatabaseUnavailable:
        context.abort(grpc.StatusCode.UNAVAILABLE, "the hub's database does not answer, try again")
    except Exception:
        log.exception("a call failed", service=SERVICE)
        context.abort(grpc.StatusCode.INTERNAL, "the hub failed to answer")
    raise AssertionError("abort raises")
