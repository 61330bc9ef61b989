"""Who asks: the bearer token of a request, the scope that an operation needs, and the rate limit of a credential."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from bank_sim.application.credentials.authorise import TokenRejected
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.credentials.model import Merchant
from bank_sim.entrypoints.api_pix_options import ApiPixOptions
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError
from bank_sim.entrypoints.http.api_pix.request_log import RequestLog, note_credential
from pix.runtime.clock import SchemeClock
from pix.runtime.limits import Limiter
from pix.scheme.buckets import BucketPolicy
from pix.web.connections import CLIENT_THUMBPRINT

__all__ = ["Api", "ApiOf", "Merchant", "client_thumbprint", "merchant"]

WRONG_SECRETS_MAX: Final = 10
WRONG_SECRETS_PER_MINUTE: Final = 10
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Api:
    """What every endpoint of the API works with."""

    bank: BankApplication
    scheme_clock: SchemeClock
    options: ApiPixOptions
    requests: Limiter
    """By credential."""
    wrong_secrets: Limiter
    """By credential. A right secret is never refused for the wrong ones of others."""
    log: RequestLog


def make_api(bank: BankApplication, scheme_clock: SchemeClock, options: ApiPixOptions) -> Api:
    per_minute = options.requests_per_minute
    return Api(
        bank=bank,
        scheme_clock=scheme_clock,
        options=options,
        requests=Limiter(BucketPolicy(per_minute, per_minute)),
        wrong_secrets=Limiter(BucketPolicy(WRONG_SECRETS_MAX, WRONG_SECRETS_PER_MINUTE)),
        log=RequestLog(bank.api_credentials.note_requests),
    )


def api_of(request: Request) -> Api:
    api: Api = request.app.state.api
    return api


async def _api(request: Request) -> Api:
    return api_of(request)


ApiOf = Annotated[Api, Depends(_api)]


def merchant(scope: str) -> Callable[[Request], Merchant]:
    """A dependency: the merchant whose token has this scope, such as `cob.write`.

    Answers 401 without a token that is valid now, 403 `AcessoNegado` without the scope, 429 over the rate limit.
    """

    def check(request: Request) -> Merchant:
        asking = authenticated(request)
        if scope not in asking.scopes:
            detail = f"O token não tem o escopo {scope}, que esta operação exige."
            raise PixApiError(ErrorKind.AcessoNegado, detail)
        return asking

    return check


def authenticated(request: Request) -> Merchant:
    """The merchant of the request's token, whatever its scopes. Raises PixApiError."""
    api = api_of(request)
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_BEARER):
        detail = "Envie um token de acesso no cabeçalho Authorization: Bearer."
        raise PixApiError(ErrorKind.NaoAutenticado, detail, headers={"WWW-Authenticate": "Bearer"})
    try:
        asking = api.bank.api_credentials.authorise(
            token=header[len(_BEARER) :].strip(), thumbprint=client_thumbprint(request)
        )
    except TokenRejected:
        detail = "O token de acesso não é válido ou expirou. Peça outro em /oauth/token."
        challenge = 'Bearer error="invalid_token"'
        raise PixApiError(ErrorKind.NaoAutenticado, detail, headers={"WWW-Authenticate": challenge}) from None
    note_credential(request, asking.credential_id, asking.account_number)
    if wait_ms := api.requests.take(asking.credential_id, 1):
        raise PixApiError(
            ErrorKind.LimiteExcedido,
            f"Esta credencial pode fazer {api.options.requests_per_minute} requisições por minuto.",
            headers={"Retry-After": str(math.ceil(wait_ms / 1_000))},
        )
    return asking


def client_thumbprint(request: Request) -> str:
    """Of the client's certificate; empty where the connection has none."""
    thumbprint = request.scope.get(CLIENT_THUMBPRINT, "")
    return thumbprint if isinstance(thumbprint, str) else ""
