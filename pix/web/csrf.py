"""Protection against cross-site request forgery: a form carries a token that is valid only in its session."""

from __future__ import annotations

import hmac
from typing import Final

from fastapi import Request

from pix.web.origins import is_own_origin
from pix.web.sessions import visitor_id

FORM_FIELD: Final = "csrf_token"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class ForgedRequest(Exception):
    """The request changes something, and does not come from a page of ours in the same session."""


class Csrf:
    def __init__(self, secret: str) -> None:
        self._key = f"codepix/csrf/{secret}".encode()

    def token(self, request: Request) -> str:
        return hmac.digest(self._key, visitor_id(request).encode(), "sha256").hex()

    async def check(self, request: Request) -> None:
        """A dependency of every router with forms. Raises ForgedRequest."""
        if request.method in _SAFE_METHODS:
            return
        origin = request.headers.get("origin")
        if origin is not None and not is_own_origin(request, origin):
            raise ForgedRequest
        form = await request.form()
        given = form.get(FORM_FIELD, "")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), self.token(request).encode()):
            raise ForgedRequest
