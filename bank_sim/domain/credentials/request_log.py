"""A line of the log of API requests, for the merchant's developers. It never holds a secret or a token."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from pix.scheme.values import value_object

BODY_BYTES_MAX: Final = 16 * 1024
"""Kept of each body."""
PATH_LENGTH_MAX: Final = 2_000
HEADER_LENGTH_MAX: Final = 200
REQUESTS_KEPT: Final = 1_000
"""Of an account, the newest."""
BLANK: Final = "•••"
"""Stands for a secret or a token."""


@value_object
class Body:
    """What was sent in one direction, as text. It is cut when `whole_bytes` says more than it has."""

    text: str = ""
    content_type: str = ""
    whole_bytes: int = 0


@value_object
class ApiRequest:
    """A request and its answer. Times are real."""

    request_id: str
    account_number: str
    credential_id: str
    requested_at_ms: int
    duration_ms: int
    method: str
    path: str
    """With the query."""
    status: int
    request: Body = field(default_factory=Body)
    response: Body = field(default_factory=Body)
    user_agent: str = ""
    serial: int = 0
    """The place in the log, which the store gives; a later one is higher."""

    @property
    def succeeded(self) -> bool:
        return self.status < 400
