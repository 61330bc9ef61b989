"""The bank's JSON over HTTP: a table of routes, and answers that name the rule when they refuse."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from lab.broken_banks.refusals import Refused
from pix.runtime.logs import logger
from pix.scheme.errors import SchemeError

Json = dict[str, Any]

BODY_BYTES_MAX: Final = 64 * 1024
READ_BYTES_MAX: Final = 1024 * 1024
"""So much is read before it is refused; the connection stays usable. A longer body ends it."""
IDLE_SECONDS_MAX: Final = 30
STOP_CHECK_SECONDS: Final = 0.1
REQUESTS_WAITING_MAX: Final = 128

PROBLEM: Final = "application/problem+json"

STATUSES: Final[Mapping[str, HTTPStatus]] = {
    "INVALID_ARGUMENT": HTTPStatus.BAD_REQUEST,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "ALREADY_EXISTS": HTTPStatus.CONFLICT,
    "FAILED_PRECONDITION": HTTPStatus.UNPROCESSABLE_ENTITY,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "UNAUTHENTICATED": HTTPStatus.FORBIDDEN,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""By the name of the gRPC status."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    parts: Sequence[str]
    """What the parentheses of the route's pattern have matched, decoded."""
    query: Mapping[str, str]
    body: Json

    def text(self, name: str, default: str | None = None) -> str:
        """Raises SchemeError for a field that is missing or no text."""
        value = self.body.get(name, default)
        if not isinstance(value, str):
            raise SchemeError(name, "must be a text")
        return value

    def amount(self, name: str, default: int | None = None) -> int:
        """Raises SchemeError for anything but a whole number; the range is for others to check."""
        value = self.body.get(name, default)
        if type(value) is not int:
            raise SchemeError(name, "must be a whole number of centavos")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    document: Any
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"


Handler = Callable[[Request], Answer]
Route = tuple[str, str, Handler]
"""The method, the pattern of the whole path, and what answers."""


def read_json(content: bytes) -> Json:
    """The object of a body; none of an empty one. Raises SchemeError."""
    if len(content) > BODY_BYTES_MAX:
        raise SchemeError("body", f"must have at most {BODY_BYTES_MAX} bytes")
    try:
        document = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        raise SchemeError("body", "must be JSON") from None
    if not isinstance(document, dict):
        raise SchemeError("body", "must be a JSON object")
    return document


def serve(
    host: str,
    port: int,
    routes: Sequence[Route],
    stop: threading.Event,
    read_body: Callable[[bytes], Json] = read_json,
) -> None:
    """Answers until `stop` is set; each connection has a thread."""
    compiled = [(method, re.compile(pattern), handler) for method, pattern, handler in routes]

    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = IDLE_SECONDS_MAX
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Says nothing: a line for each request would hide the others."""

        def _answer(self) -> None:
            try:
                answer = self._handle()
            except SchemeError as error:
                answer = _problem("INVALID_ARGUMENT", "Invalid value", str(error))
            except Refused as refusal:
                answer = _problem(refusal.reason, refusal.title, refusal.detail)
            except Exception:
                log.exception("a request failed", path=self.path[:200])
                document = {"title": "Failed", "detail": "The bank could not do it.", "reason": "INTERNAL"}
                answer = Answer(document, HTTPStatus.INTERNAL_SERVER_ERROR, PROBLEM)
            content = b"" if answer.document is None else json.dumps(answer.document, ensure_ascii=False).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _handle(self) -> Answer:
            address = urlsplit(self.path)
            body = self._body()
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            for method, pattern, handler in compiled:
                if method == self.command and (match := pattern.fullmatch(address.path)):
                    return handler(Request([unquote(part) for part in match.groups()], query, body))
            raise Refused("NOT_FOUND", "Not found", "There is no such address.")

        def _body(self) -> Json:
            text = self.headers.get("Content-Length") or "0"
            length = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else READ_BYTES_MAX + 1
            if length > READ_BYTES_MAX or "Transfer-Encoding" in self.headers:
                # What is left unread would be taken for the next request.
                self.close_connection = True
                raise SchemeError("body", f"must have a length, of at most {BODY_BYTES_MAX} bytes")
            return read_body(self.rfile.read(length))

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = REQUESTS_WAITING_MAX

    with Server((host, port), RequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(STOP_CHECK_SECONDS,), daemon=True)
        thread.start()
        stop.wait()
        server.shutdown()
        thread.join()


def _problem(reason: str, title: str, detail: str) -> Answer:
    status = STATUSES.get(reason, HTTPStatus.UNPROCESSABLE_ENTITY)
    return Answer({"title": title, "detail": detail, "reason": reason}, status, PROBLEM)
