"""Files for spreadsheets and programs, made while they are sent: CSV with semicolons, and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi.responses import StreamingResponse

# Before =, +, -, @ and their full-width forms: at the beginning or behind a separator, also with spaces and quotes.
_FORMULA: Final = re.compile(r"(?:^|(?<=[,;|]))(?=[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20])")
# No text that was checked holds one; an old row may.
_BREAKS: Final = str.maketrans("\t\r\n", "   ")
# A negative amount stays a number for the spreadsheet; digits alone are no formula.
_NUMBER: Final = re.compile(r"-?[0-9][0-9.]*(?:,[0-9]+)?")
_ROWS_PER_PIECE: Final = 100
_KINDS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json", "html": "text/html; charset=utf-8"}


def harmless(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet would begin to read a formula.

    OWASP's rule for CSV injection: at the beginning, and behind whatever another reader takes for a separator, since
    quotation marks protect from the semicolon alone. Tabs and line breaks, which begin cells too, become spaces.
    """
    return _FORMULA.sub("'", text.translate(_BREAKS))


def csv_pieces(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """UTF-8 with its mark, semicolons, every cell in quotation marks; no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL)
    buffer.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer.writerow(columns)
    for number, row in enumerate(rows, 1):
        writer.writerow([cell if _NUMBER.fullmatch(cell) else harmless(cell) for cell in row])
        if number % _ROWS_PER_PIECE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def json_pieces(name: str, documents: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """An object whose member `name` is the array of the documents, one a line."""
    yield f'{{"{name}": ['
    for number, document in enumerate(documents):
        yield f"{',' if number else ''}\n{json.dumps(document, ensure_ascii=False)}"
    yield "\n]}\n"


def as_file(pieces: Iterable[str], name: str) -> StreamingResponse:
    """The pieces as a download; the ending of the name says what it is."""
    kind = _KINDS[name.rpartition(".")[2]]
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type=kind, headers=headers)
