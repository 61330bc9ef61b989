"""A line to one bank: its REST API over one connection that stays open, at a third of what a full client costs."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

from lab.read.rest import Json, Refused, Unreachable

TIMEOUT_SECONDS: Final = 10.0
SERVER_ERROR: Final = 500
SUCCESS_MAX: Final = 299


class Line:
    """For one thread. Connects when it is first used, and again after a failure."""

    def __init__(self, name: str, url: str, operator_password: str) -> None:
        """`name` is what messages call the service; `url` is its root, of http on this machine."""
        self._name = name
        self._account = urlsplit(url).netloc
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {operator_password}"}
        self._connection = http.client.HTTPConnection(self._account, timeout=TIMEOUT_SECONDS)

    def post(self, path: str, body: Json, headers: dict[str, str]) -> Json:
        """The answer's JSON. Raises `Unreachable`, `Refused`."""
        try:
            self._connection.request("POST", f"/api/v1{path}", json.dumps(body).encode(), {**self._headers, **headers})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{self._name} at {self._account} does not answer ({type(error).__name__}).") from error
        if answer.status >= SERVER_ERROR:
            raise Unreachable(f"{self._name} at {self._account} answers {answer.status} to POST {path}.")
        document = _json_of(text)
        if answer.status > SUCCESS_MAX:
            raise Refused(answer.status, document)
        return document

    def close(self) -> None:
        """Hangs up; the next call connects again."""
        self._connection.close()


def _json_of(text: bytes) -> Json:
    try:
        document: Any = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
