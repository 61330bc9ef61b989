"""Static files: ours from `templates/static`, and htmx from its wheel, under addresses that change with the content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from pix.web.folders import templates_folder

_YEAR_SECONDS: Final = 31_536_000
_FINGERPRINT_LENGTH: Final = 12


class FingerprintedFiles(StaticFiles):
    """Files that a browser may keep for ever, since their address (`?v=`) has a fingerprint of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = b"v=" in scope.get("query_string", b"")
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable" if kept else "no-cache"
        return response


def mount_assets(app: FastAPI) -> None:
    """Serves `/static` (ours) and `/vendor` (htmx, as its wheel has it)."""
    for address, folder in _folders().items():
        app.mount(address, FingerprintedFiles(directory=folder), name=address.strip("/"))


@cache
def asset_url(path: str) -> str:
    for address, folder in _folders().items():
        if path.startswith(f"{address}/"):
            return f"{path}?v={fingerprint((folder / path.removeprefix(f'{address}/')).read_bytes())}"
    raise ValueError(f"{path} is not the address of a static file")


def fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_FINGERPRINT_LENGTH]


def _folders() -> Mapping[str, Path]:
    return {
        "/static": templates_folder() / "static",
        "/vendor": Path(str(files("js_lib_htmx") / "static")) / "htmx",
    }
