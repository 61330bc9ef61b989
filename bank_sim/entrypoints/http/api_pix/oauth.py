"""`POST /oauth/token`: OAuth 2.0 client credentials (RFC 6749, 4.4), errors as in its section 5.2.

The body is a form or JSON, and the client's id and secret stand in the body or in the Authorization header (Basic).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from email.message import Message as MimeHeaders
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from bank_sim.application.credentials.authorise import ClientRejected, IssuedToken, ScopeRejected
from bank_sim.domain.credentials.model import is_credential_id
from bank_sim.entrypoints.http.api_pix.access import Api, api_of, client_thumbprint
from bank_sim.entrypoints.http.api_pix.request_log import note_credential

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - an address
GRANT_TYPE: Final = "client_credentials"
FIELDS_MAX: Final = 20
PARAMETER_LENGTH_MAX: Final = 2_000

router = APIRouter(include_in_schema=False)


class TokenError(Exception):
    """An error of RFC 6749, 5.2; `code` is its `error`."""

    def __init__(self, code: str, description: str, status: int = 400, **headers: str) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.status = status
        self.headers = headers


@router.post(TOKEN_PATH)
async def issue_token(request: Request) -> JSONResponse:
    """An access token for a credential's id and secret."""
    try:
        fields = _fields_of(request.headers.get("content-type", ""), await request.body())
        issued = await run_in_threadpool(_issue, request, fields)
    except TokenError as error:
        document = {"error": error.code, "error_description": error.description}
        return JSONResponse(document, error.status, headers={"Cache-Control": "no-store", **error.headers})
    content = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.seconds,
        "scope": " ".join(issued.scopes),
    }
    return JSONResponse(content, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _fields_of(content_type: str, body: bytes) -> Mapping[str, str]:
    message = MimeHeaders()
    message["Content-Type"] = content_type
    is_json = message.get_content_subtype() == "json"
    try:
        text = body.decode()
        pairs = json.loads(text) if is_json else dict(parse_qsl(text, max_num_fields=FIELDS_MAX))
    except (ValueError, RecursionError):
        raise TokenError("invalid_request", "The body is neither a form nor JSON.") from None
    if not isinstance(pairs, dict):
        raise TokenError("invalid_request", "The body must be a JSON object.")
    fields = {name: value for name, value in pairs.items() if isinstance(value, str)}
    for value in fields.values():
        if len(value) > PARAMETER_LENGTH_MAX:
            raise TokenError("invalid_request", "A field is too long.")
    return fields


def _issue(request: Request, fields: Mapping[str, str]) -> IssuedToken:
    api = api_of(request)
    credential_id, secret, is_basic = _client_of(request, fields)
    note_credential(request, credential_id if is_credential_id(credential_id) else "")
    if fields.get("grant_type") != GRANT_TYPE:
        if fields.get("grant_type"):
            raise TokenError("unsupported_grant_type", f"grant_type: must be {GRANT_TYPE}.")
        raise TokenError("invalid_request", "grant_type: is missing.")
    try:
        issued = api.bank.api_credentials.issue_token(
            credential_id=credential_id,
            secret=secret,
            scope=fields.get("scope", ""),
            thumbprint=client_thumbprint(request),
        )
    except ClientRejected:
        raise _rejected(api, credential_id, is_basic=is_basic) from None
    except ScopeRejected:
        raise TokenError("invalid_scope", "scope: the credential has none of these scopes.") from None
    if wait_ms := api.requests.take(credential_id, 1):
        raise _too_many(wait_ms)
    return issued


def _client_of(request: Request, fields: Mapping[str, str]) -> tuple[str, str, bool]:
    """The client's id and secret, and whether they came by Basic. Raises TokenError."""
    header = request.headers.get("authorization", "")
    kind, _, encoded = header.partition(" ")
    if kind.lower() == "basic":
        try:
            text = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _unauthenticated("The Authorization header is no Basic header.") from None
        credential_id, _, secret = text.partition(":")
        if fields.get("client_secret") or fields.get("client_id", credential_id) != credential_id:
            raise TokenError("invalid_request", "Send the client's id and secret in one way, not in two.")
        return credential_id, secret, True
    if not fields.get("client_id") or not fields.get("client_secret"):
        raise _unauthenticated("The client's id and secret are missing.")
    return fields["client_id"], fields["client_secret"], False


def _unauthenticated(description: str) -> TokenError:
    return TokenError("invalid_client", description, 401, **{"WWW-Authenticate": "Basic"})


def _rejected(api: Api, credential_id: str, *, is_basic: bool) -> TokenError:
    """Each wrong secret costs; a program that guesses has to wait."""
    if wait_ms := api.wrong_secrets.take(credential_id[:100], 1):
        return _too_many(wait_ms)
    headers: dict[str, Any] = {"WWW-Authenticate": "Basic"} if is_basic else {}
    return TokenError("invalid_client", "The client's id is unknown or its secret is wrong.", 401, **headers)


def _too_many(wait_ms: int) -> TokenError:
    seconds = math.ceil(wait_ms / 1_000)
    return TokenError("temporarily_unavailable", "Too many requests.", 429, **{"Retry-After": str(seconds)})
