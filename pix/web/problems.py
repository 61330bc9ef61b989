"""Errors as problem+JSON (RFC 9457): a sentence, and the field and the rule when there is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message as MimeHeaders
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pix.runtime.logs import logger
from pix.scheme.errors import SchemeError
from pix.web.htmx import SEE_OTHER
from pix.web.places import nearest_page

MEDIA_TYPE: Final = "application/problem+json"
TOO_LARGE: Final = 413
"""Python renamed it in HTTPStatus."""
BODY_BYTES_MAX: Final = 64 * 1024
"""Of every request that is no upload: forms and JSON."""
_UPLOAD_METHOD: Final = "POST"
_LENGTH_DIGITS_MAX: Final = 20
_TOO_LARGE_DETAIL: Final = "The request body is too large."

log = logger(__name__)


class ProblemDocument(BaseModel):
    """The body of every error of the REST API."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:codepix:problem:scheme-rule",
                "title": "A value violates a rule of the scheme",
                "status": 422,
                "detail": "CPF check digits do not match.",
                "field": "key",
                "rule": "CPF check digits do not match.",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    rule: str | None = None


_PROBLEM: Final[dict[str, Any]] = {
    "model": ProblemDocument,
    "description": "A problem document (RFC 9457)",
    "content": {MEDIA_TYPE: {}},
}

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}
"""What an OpenAPI description says of a router's errors, when it has no more to say of each."""


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One class of errors over HTTP: a row of an edge's table."""

    name: str
    """Kebab-case; the end of the problem's `type`."""
    status: int
    title: str


SCHEME_RULE: Final = ProblemKind("scheme-rule", 422, "A value violates a rule of the scheme")
INVALID_REQUEST: Final = ProblemKind("invalid-request", 422, "The request is not valid")
MALFORMED_JSON: Final = ProblemKind("malformed-json", 400, "The body is not JSON")
NOT_JSON: Final = ProblemKind("unsupported-media-type", 415, "The content type is not JSON")
NOT_JSON_RULE: Final = "Send the body as JSON, with the header Content-Type: application/json."
INTERNAL: Final = ProblemKind("internal-error", 500, "Something went wrong on our side")

_HEADERS_OF_ERRORS: Final = frozenset({"allow", "retry-after", "www-authenticate"})
"""What an error's page needs as well as its problem document."""

ProblemTable = Mapping[type[Exception], ProblemKind]
"""Domain errors, each with what it is over HTTP. An error's nearest class in the table counts."""


def find_kind(error: Exception, table: ProblemTable) -> ProblemKind | None:
    for base in type(error).__mro__:
        if base in table:
            return table[base]
    return SCHEME_RULE if isinstance(error, SchemeError) else None


def problem_response(
    kind: ProblemKind,
    detail: str,
    *,
    field: str | None = None,
    rule: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    document = ProblemDocument(
        type=f"urn:codepix:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        field=field,
        rule=rule,
    )
    content = document.model_dump(exclude_none=True)
    return JSONResponse(content, kind.status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def error_response(error: Exception, table: ProblemTable) -> JSONResponse:
    """The answer for any error; an unknown one is logged, and its answer reveals nothing."""
    kind = find_kind(error, table)
    if kind is not None:
        rule = getattr(error, "rule", None)
        retry_after = getattr(error, "retry_after_seconds", None)
        headers = dict(getattr(error, "headers", {})) if retry_after is None else {"Retry-After": str(retry_after)}
        field = getattr(error, "field", None) or None
        return problem_response(kind, rule or kind.title, field=field, rule=rule, headers=headers)
    if isinstance(error, RequestValidationError):
        fault: Mapping[str, Any] = next(iter(error.errors()), {})
        if fault.get("type") == "json_invalid":
            return problem_response(MALFORMED_JSON, json_fault(error.body, fault))
        field, rule = first_fault(error.errors())
        return problem_response(INVALID_REQUEST, f"{field}: {rule}" if field else rule, field=field or None, rule=rule)
    if isinstance(error, HTTPException):
        title = HTTPStatus(error.status_code).phrase
        plain = ProblemKind(title.lower().replace(" ", "-"), error.status_code, title)
        return problem_response(plain, str(error.detail), headers=error.headers)
    log.error("a request failed", error=type(error).__name__, exc_info=error)
    return problem_response(INTERNAL, "The error was logged; try again later.")


def json_fault(text: Any, fault: Mapping[str, Any]) -> str:
    """Where a body ceases to be JSON, in a sentence: line and column, both from 1."""
    position = next((part for part in fault.get("loc", ()) if isinstance(part, int)), 0)
    before = text[:position] if isinstance(text, str) else ""
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    reason = fault.get("ctx", {}).get("error", "it cannot be read")
    return f"The body is not JSON: at line {line}, column {column}: {reason}."


def is_another_media_type(request: Request, error: Exception) -> bool:
    """Whether the body was not read because it does not say that it is JSON (RFC 9110, 15.5.16)."""
    if not isinstance(error, RequestValidationError) or not any(
        tuple(fault.get("loc", ())) == ("body",) and fault.get("type") != "missing" for fault in error.errors()
    ):
        return False
    message = MimeHeaders()
    message["Content-Type"] = request.headers.get("content-type", "")
    subtype = message.get_content_subtype()
    is_json = message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
    return not is_json


def first_fault(faults: Sequence[Any]) -> tuple[str, str]:
    """The field and the rule of the first fault that validation found."""
    if not faults:
        return "", "The request is malformed."
    fault = faults[0]
    places = [str(part) for part in fault.get("loc", ()) if part not in ("body", "query", "path", "header")]
    return ".".join(places), f"{fault.get('msg', 'The request is malformed')}.".replace("..", ".")


ErrorPage = Callable[[Request, Exception, int], Response]
"""Makes the page for people, of an error and its status code."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """The one address whose requests may have a large body."""

    path: str
    body_bytes_max: int
    at_once_max: int
    """In the process. Each may take `body_bytes_max` of the folder for temporary files, which may be memory."""
    check: Callable[[Request], None]
    """Raises why the visitor may send nothing, by the session alone: it is called on the thread that serves all."""
    busy: Callable[[], Exception]
    """Makes the error of an upload that is one too many; it has `retry_after_seconds`."""


def install_problems(
    app: FastAPI, table: ProblemTable, error_page: ErrorPage, body_bytes_max: int, uploads: Uploads | None = None
) -> None:
    """Answers every error: as problem+JSON to programs, as a page to people, and never with a traceback.

    An address that only takes forms leads a person who opens it to the page that holds the form. A request's body has
    at most `body_bytes_max` bytes, except at the address of `uploads`.
    """

    async def answer(request: Request, error: Exception) -> Response:
        problem = error_response(error, table)
        if speaks_json(request):
            if is_another_media_type(request, error):
                problem = problem_response(NOT_JSON, NOT_JSON_RULE, headers={"Accept-Post": "application/json"})
            return problem
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method in ("GET", "HEAD"):
            return RedirectResponse(nearest_page(request), SEE_OTHER)
        page = await run_in_threadpool(error_page, request, error, problem.status_code)
        for name in _HEADERS_OF_ERRORS & set(problem.headers.keys()):
            page.headers.setdefault(name, problem.headers[name])
        return page

    for known in (*table, SchemeError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(known, answer)

    async def refuse(request: Request, error: Exception) -> Response:
        # The application may have its own answer to an error, such as the way to the sign-in.
        handler = app.exception_handlers.get(type(error), answer)
        response: Response = await handler(request, error)  # type: ignore[misc]
        return response

    # Innermost, so that sessions and the headers of every answer are around it.
    app.user_middleware.append(Middleware(BodyLimit, bytes_max=body_bytes_max, answer=refuse, uploads=uploads))


class BodyLimit:
    """ASGI middleware that refuses a request's body over a limit, in the way in which every other error is answered.

    FastAPI's `max_body_size` replaces the answer by a bare text, which is no page for people and no problem document.
    """

    def __init__(
        self,
        app: ASGIApp,
        bytes_max: int,
        answer: Callable[[Request, Exception], Awaitable[Response]],
        uploads: Uploads | None = None,
    ) -> None:
        self._app = app
        self._bytes_max = bytes_max
        self._answer = answer
        self._uploads = uploads
        self._uploads_under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses by the announced length before anything is read, and else as soon as more has come."""
        uploads = self._uploads
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif uploads is None or scope["path"] != uploads.path or scope["method"] != _UPLOAD_METHOD:
            await self._pass_on(scope, receive, send, self._bytes_max)
        else:
            # A form is read before any dependency of its endpoint, and kept in files: so this asks first.
            try:
                uploads.check(Request(scope))
                if self._uploads_under_way >= uploads.at_once_max:
                    raise uploads.busy()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is answered like every other error
                await self._refuse(scope, receive, send, error)
                return
            self._uploads_under_way += 1
            try:
                await self._pass_on(scope, receive, send, uploads.body_bytes_max)
            finally:
                self._uploads_under_way -= 1

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
        response = await self._answer(Request(scope), error)
        await response(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, bytes_max: int) -> None:
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:_LENGTH_DIGITS_MAX]) > bytes_max:
            await self._refuse(scope, receive, send, HTTPException(TOO_LARGE, _TOO_LARGE_DETAIL))
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > bytes_max:
                raise HTTPException(TOO_LARGE, _TOO_LARGE_DETAIL)
            return message

        await self._app(scope, receive_within_limit, send)


def speaks_json(request: Request) -> bool:
    """Whether a program asks: the API but not its page, the sandbox, a bank's contract and the health checks."""
    path = request.url.path
    return path != "/api/docs" and path.startswith(("/api/", "/sandbox/", "/contract/", "/health/"))
