"""Many rows to PostgreSQL in one go, without a Python call per value: COPY for new ones, array literals for the rest.

psycopg2 would adapt every element of a list by itself, and SQLAlchemy would look at every parameter; for a thousand
rows of thirty columns that costs more than PostgreSQL's own work. Here a batch is put together as text by string
methods, and goes through the driver as one parameter per column (`execute_bulk`), or as the lines of a COPY
(`copy_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import errorcodes
from sqlalchemy import Connection

from pix.postgres.connections import FrugalConnection, driver_of
from pix.postgres.errors import one_line, why_unavailable
from pix.postgres.prepared import call_of, is_known, note_success, numbers_literal, texts_literal
from pix.runtime.outages import DatabaseUnavailable

COPY_NULL: Final = "\\N"


def number_array(numbers: Sequence[int | None]) -> str:
    """The literal of an array of numbers."""
    return numbers_literal(numbers)


def word_array(words: Iterable[str | None]) -> str:
    """The literal of an array of our own words: letters, digits and underscores, which need no quoting."""
    return "{" + ",".join(["NULL" if word is None else word for word in words]) + "}"


def text_array(texts: Sequence[str]) -> str:
    """The literal of an array of any texts."""
    return texts_literal(texts)


def copy_text(text: str) -> str:
    """Any text as a field of a COPY line."""
    if "\\" in text or not text.isprintable():
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return text


def copy_texts(*texts: str) -> str:
    """Several texts as fields of a COPY line that follow one another."""
    joined = "".join(texts)
    if "\\" in joined or not joined.isprintable():
        texts = tuple(map(copy_text, texts))
    return "\t".join(texts)


def copy_numbers(*numbers: int | None) -> str:
    """Several numbers as fields of a COPY line that follow one another."""
    return "\t".join([COPY_NULL if number is None else str(number) for number in numbers])


def copy_rows(connection: Connection, table: str, columns: str, lines: Iterable[str]) -> None:
    """Adds rows, each a line of tab-separated fields made by `copy_text`, in the transaction of the connection.

    COPY writes a page at a time where INSERT writes a row at a time. Raises DatabaseUnavailable also when one of the
    rows exists: another transaction was quicker, and what was read before is stale.
    """
    with _cursor(driver_of(connection)) as cursor:
        cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", StringIO("\n".join(lines)))


def execute_bulk(connection: Connection, statement: str, values: Mapping[str, Any]) -> int:
    """Runs a statement with `%(name)s` parameters, prepared; returns how many rows it touched.

    It may be several, with `prepared.SEPARATOR` between them; then it is the rows of the last. Raises
    DatabaseUnavailable.
    """
    driver = driver_of(connection)
    with _cursor(driver) as cursor:
        cursor.execute(*call_of(driver, statement, values))
        note_success(driver)
        return int(cursor.rowcount)


def postpone_bulk(connection: Connection, statement: str, values: Mapping[str, Any]) -> None:
    """Has a statement with `%(name)s` parameters, prepared, sent with the next one or the commit.

    What is wrong with it is raised there: by this module's functions and by the commit, in their own ways.
    """
    driver = driver_of(connection)
    if is_known(driver, statement):
        driver.postpone(*call_of(driver, statement, values))
    else:
        # It has to be known whether the connection has it prepared.
        execute_bulk(connection, statement, values)


def fetch_bulk(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Runs a query with `%(name)s` parameters, prepared; returns its rows, of several the last's.

    Raises DatabaseUnavailable.
    """
    driver = driver_of(connection)
    with _cursor(driver) as cursor:
        cursor.execute(*call_of(driver, statement, values))
        note_success(driver)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@contextmanager
def _cursor(driver: FrugalConnection) -> Iterator[Any]:
    cursor = driver.cursor()
    try:
        yield cursor
    except psycopg2.Error as error:
        reason = why_unavailable(error)
        if reason is not None or error.pgcode == errorcodes.UNIQUE_VIOLATION:
            raise DatabaseUnavailable(reason or one_line(error)) from error
        raise
    finally:
        cursor.close()
