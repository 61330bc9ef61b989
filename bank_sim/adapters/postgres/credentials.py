"""Credentials of the API and the log of its requests, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names, update_statement
from bank_sim.application.credentials.ports import RequestFilter
from bank_sim.domain.credentials.model import ApiCredential, Scope
from bank_sim.domain.credentials.request_log import REQUESTS_KEPT, ApiRequest, Body
from pix.postgres.bulk import execute_bulk, fetch_bulk
from pix.postgres.unit_of_work import PostgresRepository

_ID: Final[list[Column[ApiCredential]]] = [Column("credential_id", "text", lambda each: each.credential_id)]
_FIXED: Final[list[Column[ApiCredential]]] = [
    Column("account_number", "text", lambda each: each.account_number),
    Column("tax_id", "text", lambda each: each.tax_id),
    Column("name", "text", lambda each: each.name),
    Column("scopes", "text", lambda each: " ".join(each.scopes)),
    Column("created_at_ms", "bigint", lambda each: each.created_at_ms),
]
_CHANGING: Final[list[Column[ApiCredential]]] = [
    Column("secret_hash", "text", lambda each: each.secret_hash),
    Column("version", "integer", lambda each: each.version),
    Column("rotated_at_ms", "bigint", lambda each: each.rotated_at_ms),
    Column("revoked_at_ms", "bigint", lambda each: each.revoked_at_ms),
]
_ALL: Final = [*_ID, *_FIXED, *_CHANGING]
_REQUEST: Final[list[Column[ApiRequest]]] = [
    Column("request_id", "text", lambda each: each.request_id),
    Column("account_number", "text", lambda each: each.account_number),
    Column("credential_id", "text", lambda each: each.credential_id),
    Column("requested_at_ms", "bigint", lambda each: each.requested_at_ms),
    Column("duration_ms", "integer", lambda each: each.duration_ms),
    Column("method", "text", lambda each: each.method),
    Column("path", "text", lambda each: each.path),
    Column("status", "integer", lambda each: each.status),
    Column("request_text", "text", lambda each: each.request.text),
    Column("request_type", "text", lambda each: each.request.content_type),
    Column("request_bytes", "bigint", lambda each: each.request.whole_bytes),
    Column("response_text", "text", lambda each: each.response.text),
    Column("response_type", "text", lambda each: each.response.content_type),
    Column("response_bytes", "bigint", lambda each: each.response.whole_bytes),
    Column("user_agent", "text", lambda each: each.user_agent),
]

_ADD: Final = insert_statement("api_credentials", _ALL)
_SAVE: Final = update_statement("api_credentials", _ID, _CHANGING)
_SELECT: Final = f"SELECT {names(_ALL)} FROM api_credentials"  # noqa: S608 - names are constants of this module
_FIND: Final = f"{_SELECT} WHERE credential_id = %(id)s"
_OF_ACCOUNT: Final = (
    f"{_SELECT} WHERE account_number = %(number)s ORDER BY revoked_at_ms IS NOT NULL, created_at_ms DESC, credential_id"
)
_ADD_REQUESTS: Final = insert_statement("api_requests", _REQUEST)
_SELECT_REQUESTS: Final = f"SELECT serial, {names(_REQUEST)} FROM api_requests"  # noqa: S608 - as above
_TRIM: Final = (
    "DELETE FROM api_requests WHERE account_number = %(number)s AND serial <= "
    "(SELECT serial FROM api_requests WHERE account_number = %(number)s ORDER BY serial DESC "
    "OFFSET %(kept)s LIMIT 1)"
)
_LIST_REQUESTS: Final = (
    f"{_SELECT_REQUESTS} WHERE account_number = :number "
    "AND (CAST(:before AS bigint) IS NULL OR serial < :before) "
    "AND (:credential_id = '' OR credential_id = :credential_id) "
    "AND (CAST(:failed AS boolean) IS NULL OR (status >= 400) = :failed) "
    "AND position(lower(:search) IN lower(method || ' ' || path)) > 0 "
    "ORDER BY serial DESC LIMIT :size"
)


def _credential_of(row: Sequence[Any]) -> ApiCredential:
    (
        credential_id, account_number, tax_id, name, scopes, created_at_ms,
        secret_hash, version, rotated_at_ms, revoked_at_ms,
    ) = row  # fmt: skip
    return ApiCredential(
        credential_id=credential_id,
        account_number=account_number,
        tax_id=tax_id,
        name=name,
        scopes=tuple(Scope(scope) for scope in scopes.split()),
        secret_hash=secret_hash,
        created_at_ms=created_at_ms,
        version=version,
        rotated_at_ms=rotated_at_ms,
        revoked_at_ms=revoked_at_ms,
    )


def _request_of(row: Sequence[Any]) -> ApiRequest:
    (
        serial, request_id, account_number, credential_id, requested_at_ms, duration_ms, method, path, status,
        request_text, request_type, request_bytes, response_text, response_type, response_bytes, user_agent,
    ) = row  # fmt: skip
    return ApiRequest(
        request_id=request_id,
        account_number=account_number,
        credential_id=credential_id,
        requested_at_ms=requested_at_ms,
        duration_ms=duration_ms,
        method=method,
        path=path,
        status=status,
        request=Body(request_text, request_type, request_bytes),
        response=Body(response_text, response_type, response_bytes),
        user_agent=user_agent,
        serial=serial,
    )


class PostgresCredentials(PostgresRepository):
    """See `bank_sim.application.credentials.ports.CredentialRepository`."""

    def add(self, credential: ApiCredential) -> None:
        execute_bulk(self._connection, _ADD, arrays(_ALL, [credential]))

    def lock(self, credential_id: str) -> ApiCredential | None:
        return self._one(f"{_FIND} FOR UPDATE", credential_id)

    def save(self, credential: ApiCredential) -> None:
        execute_bulk(self._connection, _SAVE, arrays([*_ID, *_CHANGING], [credential]))

    def find(self, credential_id: str) -> ApiCredential | None:
        return self._one(_FIND, credential_id)

    def of_account(self, account_number: str) -> list[ApiCredential]:
        rows = fetch_bulk(self._connection, _OF_ACCOUNT, {"number": account_number})
        return [_credential_of(row) for row in rows]

    def remove(self, credential_ids: Sequence[str]) -> None:
        self._execute("DELETE FROM api_credentials WHERE credential_id = ANY(:ids)", ids=list(credential_ids))

    def _one(self, statement: str, credential_id: str) -> ApiCredential | None:
        rows = fetch_bulk(self._connection, statement, {"id": credential_id})
        return _credential_of(rows[0]) if rows else None


class PostgresApiRequests(PostgresRepository):
    """See `bank_sim.application.credentials.ports.ApiRequestRepository`."""

    def add(self, requests: Sequence[ApiRequest]) -> None:
        execute_bulk(self._connection, _ADD_REQUESTS, arrays(_REQUEST, requests))
        for account_number in sorted({request.account_number for request in requests}):
            execute_bulk(self._connection, _TRIM, {"number": account_number, "kept": REQUESTS_KEPT})

    def find(self, account_number: str, request_id: str) -> ApiRequest | None:
        statement = (
            f"{_SELECT_REQUESTS} WHERE account_number = :number AND request_id = :id ORDER BY serial DESC LIMIT 1"
        )
        row = self._execute(statement, number=account_number, id=request_id).first()
        return None if row is None else _request_of(row)

    def list(self, narrow: RequestFilter, before_serial: int | None, size: int) -> list[ApiRequest]:
        rows = self._execute(
            _LIST_REQUESTS,
            number=narrow.account_number,
            before=before_serial,
            credential_id=narrow.credential_id,
            failed=narrow.failed,
            search=narrow.search,
            size=size,
        )
        return [_request_of(row) for row in rows]

    def newest_serial(self, account_number: str) -> int:
        statement = "SELECT COALESCE(max(serial), 0) FROM api_requests WHERE account_number = :number"
        serial: int = self._execute(statement, number=account_number).scalar_one()
        return serial
