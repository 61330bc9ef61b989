"""Notes each request of a credential with its answer, after the answer and never in its way."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol
from uuid import uuid4

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bank_sim.application.credentials.blanking import blanked_pairs, body_of
from bank_sim.application.credentials.tokens import credential_id_of
from bank_sim.domain.credentials.request_log import (
    BODY_BYTES_MAX,
    HEADER_LENGTH_MAX,
    PATH_LENGTH_MAX,
    ApiRequest,
)
from bank_sim.entrypoints.http.api_pix.errors import REQUEST_ID
from pix.runtime.limits import Limiter
from pix.runtime.logs import logger
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.buckets import BucketPolicy

WAITING_MAX: Final = 1_000
"""Requests that are not written yet; more are left out of the log."""
BATCH_MAX: Final = 100
IDLE_SECONDS: Final = 5.0
"""After this the thread that writes ends; the next request starts another."""
UNPROVEN_PER_MINUTE: Final = 120
"""Requests that only name a credential, of each."""
_NOTE: Final = "codepix.api_note"

log = logger(__name__)


class WriteRequests(Protocol):
    """See `bank_sim.application.credentials.request_log.NoteRequests`."""

    def __call__(self, requests: Sequence[ApiRequest]) -> None: ...
    def account_of(self, credential_id: str) -> str: ...


class RequestLog:
    """Writes requests in a thread. It may lose some, when it is behind or the database is away."""

    def __init__(self, write: WriteRequests) -> None:
        self._write = write
        self._waiting: queue.Queue[ApiRequest] = queue.Queue(WAITING_MAX)
        self._lock = threading.Lock()
        self._is_writing = False

    def note(self, request: ApiRequest) -> None:
        """Never waits and never raises."""
        try:
            self._waiting.put_nowait(request)
        except queue.Full:
            return
        with self._lock:
            if not self._is_writing:
                self._is_writing = True
                threading.Thread(target=self._run, name="api-request-log", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                batch = [self._waiting.get(timeout=IDLE_SECONDS)]
            except queue.Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._is_writing = False
                        return
                continue
            while len(batch) < BATCH_MAX and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                self._write(self._with_accounts(batch))
            except DatabaseUnavailable:
                log.warning("the log of API requests misses some: the database is away", requests=len(batch))
            except Exception:
                log.exception("the log of API requests misses some", requests=len(batch))

    def _with_accounts(self, batch: Sequence[ApiRequest]) -> list[ApiRequest]:
        """Requests that name a credential without having proven it, such as one with a wrong secret, are its too."""
        found = []
        for request in batch:
            number = request.account_number or self._write.account_of(request.credential_id)
            if number:
                found.append(replace(request, account_number=number))
        return found


@dataclass(slots=True)
class _Note:
    credential_id: str = ""
    account_number: str = ""


def note_credential(request: Request, credential_id: str, account_number: str = "") -> None:
    """Says whose request it is; without an account number the credential's account is looked up later."""
    note = request.scope.get(_NOTE)
    if isinstance(note, _Note):
        note.credential_id = credential_id
        note.account_number = account_number


class LogRequests:
    """ASGI middleware: keeps the first bytes of both bodies, and notes the request when it is answered."""

    def __init__(self, app: ASGIApp, requests: RequestLog) -> None:
        self._app = app
        self._requests = requests
        self._unproven = Limiter(BucketPolicy(UNPROVEN_PER_MINUTE, UNPROVEN_PER_MINUTE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = _Note()
        scope[_NOTE] = note
        scope[REQUEST_ID] = uuid4().hex
        asked, answered = _Capture(), _Capture()
        status = 500
        response_type = ""
        requested_at_ms = time.time_ns() // 1_000_000
        started = time.perf_counter()

        async def receive_noted() -> Message:
            message = await receive()
            asked.take(message.get("body", b""))
            return message

        async def send_noted(message: Message) -> None:
            nonlocal status, response_type
            if message["type"] == "http.response.start":
                status = message["status"]
                response_type = Headers(raw=message.get("headers", [])).get("content-type", "")
            else:
                answered.take(message.get("body", b""))
            await send(message)

        headers = Headers(scope=scope)
        try:
            await self._app(scope, receive_noted, send_noted)
        finally:
            if self._is_noted(note, headers):
                query = blanked_pairs(scope["query_string"].decode("latin-1"))
                self._requests.note(
                    ApiRequest(
                        request_id=scope[REQUEST_ID],
                        account_number=note.account_number,
                        credential_id=note.credential_id,
                        requested_at_ms=requested_at_ms,
                        duration_ms=round((time.perf_counter() - started) * 1_000),
                        method=scope["method"],
                        path=f"{scope['path']}{'?' if query else ''}{query}"[:PATH_LENGTH_MAX].replace("\0", ""),
                        status=status,
                        request=body_of(asked.content, headers.get("content-type", ""), asked.whole_bytes),
                        response=body_of(answered.content, response_type, answered.whole_bytes),
                        user_agent=headers.get("user-agent", "")[:HEADER_LENGTH_MAX],
                    )
                )

    def _is_noted(self, note: _Note, headers: Headers) -> bool:
        """Whether the request is somebody's: by its token, or by the credential that it names without proving it.

        Without the latter, developers would not see that their token has expired. A stranger who knows the id could
        fill their log in this way, so that there is a limit.
        """
        if note.account_number:
            return True
        if not note.credential_id:
            _, _, token = headers.get("authorization", "").partition(" ")
            note.credential_id = credential_id_of(token.strip())
        return bool(note.credential_id) and not self._unproven.take(note.credential_id, 1)


@dataclass(slots=True)
class _Capture:
    content: bytes = b""
    whole_bytes: int = 0

    def take(self, part: bytes) -> None:
        self.whole_bytes += len(part)
        if len(self.content) < BODY_BYTES_MAX:
            self.content += part[: BODY_BYTES_MAX - len(self.content)]
