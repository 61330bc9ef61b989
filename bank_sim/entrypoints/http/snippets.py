"""Commands and bodies as the developers' pages show them: curl, and JSON with its structure."""

from __future__ import annotations

import json
import shlex
from functools import cache
from typing import Any, Final

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.data import JsonLexer

TOKEN_VARIABLE: Final = "$TOKEN"  # noqa: S105 - the name of a shell's variable
_CONTINUED: Final = " \\\n  "


def indented(text: str) -> str:
    """JSON with a line for each member; any other text, also JSON that was cut, as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def colored(text: str) -> Markup:
    """Indented JSON as HTML: each token in a `span` of its kind. Other text has no spans."""
    shown = indented(text)
    if shown[:1] not in ("{", "["):
        return escape(shown)
    lexer, formatter = _json_tools()
    return Markup(highlight(shown, lexer, formatter))  # noqa: S704 - the formatter escapes the text


def curl(method: str, url: str, body: str = "", *, token: bool = True) -> str:
    """The command that makes the request again; a token comes from a variable of the shell."""
    parts = ["curl" if method == "GET" else f"curl -X {shlex.quote(method)}", shlex.quote(url)]
    if token:
        # The shell fills in the variable within these quotation marks.
        parts.append(f'-H "Authorization: Bearer {TOKEN_VARIABLE}"')
    if body:
        parts += ["-H 'Content-Type: application/json'", f"--data-raw {shlex.quote(indented(body))}"]
    return _CONTINUED.join([" ".join(parts[:2]), *parts[2:]])


def token_command(token_url: str, client_id: str, client_secret: str) -> str:
    """The command that asks for a token and keeps it in the shell's variable."""
    asked = ("curl -s", "-u", shlex.quote(f"{client_id}:{client_secret}"), "-d grant_type=client_credentials")
    read = """python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'"""
    return f"TOKEN=$({' '.join(asked)} {shlex.quote(token_url)}{_CONTINUED}| {read})"


@cache
def _json_tools() -> tuple[Any, Any]:
    return JsonLexer(), HtmlFormatter(nowrap=True, classprefix="tok-")
