"""How the routers of the contract are made, and how they refuse: problem+JSON with `reason`, a gRPC status."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from bank_sim.domain import errors
from bank_sim.domain.flows.returns.requests import AmountOverRest, NotReturnable, ReturnNotFound, TooManyReturns
from bank_sim.entrypoints.http.errors import PROBLEMS
from pix.scheme.errors import SchemeError
from pix.web.problems import MEDIA_TYPE, error_response

PREFIX: Final = "/contract/v1"

REASONS: Final[Mapping[type[Exception], str]] = MappingProxyType(
    {
        errors.AccountNotFound: "NOT_FOUND",
        errors.KeyNotFound: "NOT_FOUND",
        errors.TransferNotFound: "NOT_FOUND",
        ReturnNotFound: "NOT_FOUND",
        errors.KeyTaken: "ALREADY_EXISTS",
        errors.IdempotencyConflict: "ALREADY_EXISTS",
        errors.KeyLimitReached: "RESOURCE_EXHAUSTED",
        errors.LookUpLimitReached: "RESOURCE_EXHAUSTED",
        errors.HubUnavailable: "UNAVAILABLE",
        errors.HubCredentialsRejected: "UNAUTHENTICATED",
        errors.HubRejected: "PERMISSION_DENIED",
        errors.AccountBlocked: "FAILED_PRECONDITION",
        errors.AccountClosed: "FAILED_PRECONDITION",
        errors.AccountNotEmpty: "FAILED_PRECONDITION",
        errors.AccountHasTransfers: "FAILED_PRECONDITION",
        errors.TaxIdTaken: "FAILED_PRECONDITION",
        errors.InsufficientBalance: "FAILED_PRECONDITION",
        errors.LimitExceeded: "FAILED_PRECONDITION",
        errors.PayerIsPayee: "FAILED_PRECONDITION",
        AmountOverRest: "FAILED_PRECONDITION",
        NotReturnable: "FAILED_PRECONDITION",
        TooManyReturns: "FAILED_PRECONDITION",
        SchemeError: "INVALID_ARGUMENT",
        RequestValidationError: "INVALID_ARGUMENT",
    }
)
"""The name of a gRPC status for each refusal; an error's nearest class counts."""


class ContractRoute(APIRoute):
    """A route whose refusals have `reason`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                reason = next((REASONS[base] for base in type(error).__mro__ if base in REASONS), "")
                if not reason:
                    raise
                refusal = error_response(error, PROBLEMS)
                document = {**json.loads(bytes(refusal.body)), "reason": reason}
                return JSONResponse(document, refusal.status_code, media_type=MEDIA_TYPE)

        return answer


def contract_router() -> APIRouter:
    return APIRouter(prefix=PREFIX, tags=["contract"], route_class=ContractRoute)
