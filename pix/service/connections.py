"""Connections to PostgreSQL that go there no more often than they must.

psycopg2 begins each transaction with a round trip of its own, and SQLAlchemy's pool makes another one to see whether
the connection is alive. A transaction of one transfer has five or six statements, so these two are a quarter of what
it takes. Here it begins together with its first statement, what nobody waits for goes along with the statement behind
it or with the commit, and whether a connection is alive is seen on its socket: a server that closed it has said so.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import extensions
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError

_BEGIN: Final = b"BEGIN"
_SEPARATOR: Final = b"; "
_IDLE: Final = extensions.TRANSACTION_STATUS_IDLE


class FrugalCursor(extensions.cursor):  # type: ignore[misc]
    """Its statement begins the transaction when there is none, and takes along what was postponed."""

    def execute(self, statement: str | bytes, values: Any = None) -> None:
        """As psycopg2's, in a transaction. An error may be one of what was postponed."""
        # The values are put in first: should one be impossible, what was postponed is still to be sent. And psycopg2
        # looks for places of values in all that it is given with some.
        complete = self.mogrify(statement, values)
        super().execute(_SEPARATOR.join([*self.connection.take_what_goes_ahead(), complete]))

    def executemany(self, statement: str, many: Sequence[Any]) -> None:
        """As psycopg2's, in a transaction."""
        self._send_what_goes_ahead()
        super().executemany(statement, many)

    def copy_expert(self, statement: str, file: Any, *size: int) -> None:
        """As psycopg2's, in a transaction."""
        self._send_what_goes_ahead()
        super().copy_expert(statement, file, *size)

    def _send_what_goes_ahead(self) -> None:
        if ahead := self.connection.take_what_goes_ahead():
            super().execute(_SEPARATOR.join(ahead))


class FrugalConnection(extensions.connection):  # type: ignore[misc]
    """A transaction begins with its first statement, and lasts until `commit` or `rollback`, as with psycopg2's own."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # So psycopg2 begins none by itself.
        self.autocommit = True
        self.cursor_factory = FrugalCursor
        self.memory: dict[str, Any] = {}
        """What others have to know of it for as long as it lives, each under a name of its own."""
        self._done_in_transaction: set[str] = set()
        self._postponed: list[bytes] = []

    def postpone(self, statement: str, values: Any) -> None:
        """Has a statement sent with the next one or with the commit, whichever comes first; its answer is for nobody.

        What is wrong with it is raised there.
        """
        with self.cursor() as cursor:
            self._postponed.append(cursor.mogrify(statement, values))

    def take_what_goes_ahead(self) -> list[bytes]:
        """What is to be sent before the next statement; it counts as sent from now on."""
        ahead, self._postponed = self._postponed, []
        return [_BEGIN, *ahead] if self.get_transaction_status() == _IDLE else ahead

    def is_first_in_transaction(self, what: str) -> bool:
        """True the first time that it is asked in a transaction, or before one, about this."""
        is_first = what not in self._done_in_transaction
        self._done_in_transaction.add(what)
        return is_first

    def commit(self) -> None:
        """Ends the transaction, if there is one; one that has failed is rolled back, as PostgreSQL does.

        When something that was postponed fails, it is rolled back too: after a commit there is no transaction.
        """
        try:
            self._end("COMMIT")
        except BaseException:
            with suppress(psycopg2.Error):
                self.rollback()
            raise

    def rollback(self) -> None:
        """Ends the transaction, if there is one. What was postponed is forgotten."""
        self._postponed = []
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        self._done_in_transaction.clear()
        if self._postponed or self.get_transaction_status() != _IDLE:
            with self.cursor() as cursor:
                cursor.execute(how)


def driver_of(connection: Connection) -> FrugalConnection:
    """What carries the statements of a connection of SQLAlchemy's."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, FrugalConnection), "an engine of pix.service.database makes no other"
    return driver


def replace_the_dead(engine: Engine) -> None:
    """Makes the engine's pool notice connections that the server has closed, before they are used.

    All of the pool are replaced then: what closed one has mostly closed them all.
    """

    @event.listens_for(engine, "checkout")
    def check(connection: Any, _record: Any, _fairy: Any) -> None:
        if connection.closed or _has_something_to_say(connection.fileno()):
            raise InvalidatePoolError("the server has closed the connection")


def _has_something_to_say(descriptor: int) -> bool:
    # Between transactions a server speaks only to say farewell, or by hanging up.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))
