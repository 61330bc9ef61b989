"""Sends whole tables, page by page (see `pix.scheme.exports`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from fastapi.responses import StreamingResponse

from pix.scheme.exports import ExportKey, ExportPage

MEDIA_TYPE: Final = "application/jsonl"
EXPORT_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "JSON lines: the names of the columns, then an array for each row.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class ExportResponse(StreamingResponse):
    media_type = MEDIA_TYPE


def export_response(columns: Sequence[str], read_page: Callable[[ExportKey | None], ExportPage]) -> ExportResponse:
    """All pages from the first on. Raises what `read_page` raises for the first one; later it breaks the answer off.

    A page is read when the client has taken the one before it.
    """
    first = read_page(None)

    def pieces() -> Iterator[str]:
        yield f"{json.dumps(columns)}\n"
        page = first
        yield page.lines
        while page.last is not None:
            page = read_page(page.last)
            yield page.lines

    return ExportResponse(pieces(), headers=_HEADERS)
