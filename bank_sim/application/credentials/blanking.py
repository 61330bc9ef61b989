"""Blanks secrets and tokens in what the log of API requests keeps, however they are written."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import unquote_plus

from bank_sim.domain.credentials.request_log import BLANK, BODY_BYTES_MAX, HEADER_LENGTH_MAX, Body

SECRET_FIELDS: Final = frozenset(
    {"client_secret", "access_token", "refresh_token", "client_assertion", "password", "token"}
)
_MEMBER: Final = re.compile(
    rf'("(?:{"|".join(sorted(SECRET_FIELDS))})"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}}\s]+)', re.IGNORECASE
)
_FORM: Final = "application/x-www-form-urlencoded"


def body_of(content: bytes, content_type: str, whole_bytes: int) -> Body:
    """The body as the log keeps it; `content` has at most the first `BODY_BYTES_MAX` of the `whole_bytes`."""
    text = content[:BODY_BYTES_MAX].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    is_form = content_type.lower().startswith(_FORM)
    return Body(blanked_pairs(text) if is_form else blanked_json(text), content_type[:HEADER_LENGTH_MAX], whole_bytes)


def blanked_pairs(text: str) -> str:
    """A form or a query with its secrets blanked."""
    return "&".join(_blanked_pair(pair) for pair in text.split("&"))


def _blanked_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}{equals}{BLANK}" if equals and unquote_plus(name).strip().lower() in SECRET_FIELDS else pair


def blanked_json(text: str) -> str:
    """JSON with its secrets blanked; what is no JSON, such as a cut body, by the look of its members."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return blanked_pairs(_MEMBER.sub(rf'\1"{BLANK}"', text))
    found, has_secrets = _without_secrets(document)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if has_secrets else text


def _without_secrets(part: Any) -> tuple[Any, bool]:
    """The document, and whether a secret was blanked. Deep documents have been refused by the reader before."""
    if isinstance(part, dict):
        found = {}
        has_secrets = False
        for name, value in part.items():
            is_secret = name.strip().lower() in SECRET_FIELDS
            found[name], has_more = (BLANK, True) if is_secret else _without_secrets(value)
            has_secrets = has_secrets or has_more
        return found, has_secrets
    if isinstance(part, list):
        several = [_without_secrets(each) for each in part]
        return [each for each, _ in several], any(has_secrets for _, has_secrets in several)
    return part, False
