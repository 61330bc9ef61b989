"""A line of the log of API requests, for the merchant's developers. It never holds a secret or a token."""

from __future__ import annotations

import re
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

_SECRET_FIELDS: Final = frozenset({"client_secret", "access_token", "refresh_token", "client_assertion", "password"})
_SECRET_MEMBER: Final = re.compile(
    rf'("(?:{"|".join(sorted(_SECRET_FIELDS))})"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}}\s]+)', re.IGNORECASE
)
_SECRET_PAIR: Final = re.compile(rf"((?:^|[&\s])(?:{'|'.join(sorted(_SECRET_FIELDS))})=)[^&\s]*", re.IGNORECASE)


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


def body_of(content: bytes, content_type: str, whole_bytes: int) -> Body:
    """The body as it is kept; `content` has at most `BODY_BYTES_MAX` of the `whole_bytes`."""
    text = content[:BODY_BYTES_MAX].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Body(blanked(text), content_type[:HEADER_LENGTH_MAX], whole_bytes)


def blanked(text: str) -> str:
    """The text of a JSON body or a form with every secret blanked; a cut body may end within one."""
    return _SECRET_PAIR.sub(rf"\1{BLANK}", _SECRET_MEMBER.sub(rf'\1"{BLANK}"', text))
