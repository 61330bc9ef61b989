"""Connections to PostgreSQL with as few round trips as possible.

psycopg2 begins each transaction with a separate round trip, and SQLAlchemy's pool makes another one to test whether the
connection is alive. A transaction of one transfer has five or six statements, so these two are a quarter of its time.
Here a transaction begins together with its first statement, a statement without an awaited result goes with the next
one or with the commit, and the socket tells whether a connection is alive: a server that closes it sends that.

psycopg2 waits for an answer without a limit, and no kernel notices a peer that acknowledges every byte and never
answers. So each connection records when its answer is due, and one thread of the process shuts down the sockets of the
overdue ones, which ends the wait. (psycopg2's wait callback needs no thread, but costs more per statement, and does not
work with COPY.)
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final
from weakref import WeakSet

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import errorcodes, extensions
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError

from pix.postgres.limits import SERVICE_LIMITS
from pix.runtime.logs import logger

LOOK_SECONDS: Final = 0.25
"""Between two looks for connections whose answer is overdue: so much later than due may its end come."""

_BEGIN: Final = b"BEGIN"
_SEPARATOR: Final = b"; "
_IDLE: Final = extensions.TRANSACTION_STATUS_IDLE


log = logger(__name__)


class FrugalCursor(extensions.cursor):  # type: ignore[misc]
    """Its statement begins the transaction when there is none, and takes along what was postponed.

    An answer that does not come in time is an OperationalError, and the end of the connection.
    """

    def execute(self, statement: str | bytes, values: Any = None) -> None:
        """As psycopg2's, in a transaction. An error may be one of what was postponed."""
        # The values are put in first: should one be impossible, what was postponed is still to be sent. And psycopg2
        # looks for places of values in all that it is given with some.
        complete = self.mogrify(statement, values)
        self._in_time(super().execute, _SEPARATOR.join([*self.connection.take_what_goes_ahead(), complete]))

    def executemany(self, statement: str, many: Sequence[Any]) -> None:
        self._send_what_goes_ahead()
        self._in_time(super().executemany, statement, many)

    def copy_expert(self, statement: str, file: Any, *size: int) -> None:
        self._send_what_goes_ahead()
        self._in_time(super().copy_expert, statement, file, *size)

    def _send_what_goes_ahead(self) -> None:
        if ahead := self.connection.take_what_goes_ahead():
            self._in_time(super().execute, _SEPARATOR.join(ahead))

    def _in_time(self, send: Callable[..., None], *what: Any) -> None:
        connection = self.connection
        connection.due_at = time.monotonic() + connection.answer_seconds_max
        try:
            send(*what)
        except psycopg2.Error as error:
            if connection.is_given_up:
                raise psycopg2.OperationalError(f"no answer within {connection.answer_seconds_max:g} s") from error
            if error.pgcode == errorcodes.READ_ONLY_SQL_TRANSACTION:
                # Another server of the address may be the primary by now.
                connection.is_to_be_replaced = True
            raise
        finally:
            connection.due_at = inf


class FrugalConnection(extensions.connection):  # type: ignore[misc]
    """A transaction begins with its first statement, and lasts until `commit` or `rollback`, as with psycopg2's own."""

    def __init__(
        self, *arguments: Any, answer_seconds_max: float = SERVICE_LIMITS.answer_seconds, **named: Any
    ) -> None:
        """As psycopg2's; `answer_seconds_max` is for the answer to everything that is sent at once."""
        super().__init__(*arguments, **named)
        self.due_at = inf
        """Until when an answer has to be there, by the monotonic clock; `inf` while none is awaited."""
        self.is_given_up = False
        self.is_to_be_replaced = False
        """Whether its server, though it answers, is not the one to write to: the pool gives it out no more."""
        self.answer_seconds_max = answer_seconds_max
        self._answer_seconds_usual = answer_seconds_max
        # A descriptor of this object's: libpq may close its own at any moment, and the number be another file's then.
        self._line = _Line(self.fileno())
        # So psycopg2 begins none by itself.
        self.autocommit = True
        self.cursor_factory = FrugalCursor
        self.memory: dict[str, Any] = {}
        """What others have to know of it for as long as it lives, each under a name of its own."""
        self._done_in_transaction: set[str] = set()
        self._postponed: list[bytes] = []
        _WATCH.add(self)

    def allow_answers_within(self, seconds: float) -> None:
        """Gives answers another time until the transaction ends."""
        self.answer_seconds_max = seconds

    def give_up(self) -> None:
        """Ends the wait of another thread for an answer, and with it the connection."""
        self.is_given_up = True
        self._line.shut_down()

    def close(self) -> None:
        super().close()
        self._line.close()

    def postpone(self, statement: str, values: Any) -> None:
        """Has a statement sent with the next one or with the commit, whichever comes first; its answer is dropped.

        That one raises its errors.
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

        A commit that succeeds with a warning is an OperationalError: an administrator or a shutdown has ended its wait
        for the synchronous standby, so a failover may lose it. As with a lost answer the outcome is unknown, and what
        was done is to be done again.
        """
        del self.notices[:]
        try:
            self._end("COMMIT")
            if self.notices:
                self.is_to_be_replaced = True
                raise psycopg2.OperationalError(f"the outcome of a commit is unknown: {' '.join(self.notices)}")
        except BaseException:
            with suppress(psycopg2.Error):
                self.rollback()
            raise

    def rollback(self) -> None:
        """Ends the transaction, if there is one. What was postponed is forgotten.

        With a connection that is closed its transaction has ended already; why it was closed, another error tells.
        """
        self._postponed = []
        if not self.closed:
            self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        self._done_in_transaction.clear()
        try:
            if self._postponed or self.get_transaction_status() != _IDLE:
                with self.cursor() as cursor:
                    cursor.execute(how)
        finally:
            self.answer_seconds_max = self._answer_seconds_usual


class _Line:
    """A connection's socket under a descriptor of its own."""

    def __init__(self, descriptor: int) -> None:
        self._lock = threading.Lock()
        self._descriptor: int | None = os.dup(descriptor)

    def shut_down(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                # The family of this object says nothing of the socket's, and shutdown does not need it.
                line = socket.socket(fileno=self._descriptor)
                try:
                    with suppress(OSError):
                        line.shutdown(socket.SHUT_RDWR)
                finally:
                    line.detach()

    def close(self) -> None:
        """Lets go of the socket; may be called twice."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def __del__(self) -> None:
        self.close()


class _Watch:
    """Looks after the connections of this process, in a thread that lives while there are any."""

    def __init__(self) -> None:
        self._begin()
        # A child has the connections of its parent in its memory, and must not touch them; the thread it has not.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._connections: WeakSet[FrugalConnection] = WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, connection: FrugalConnection) -> None:
        """From now on it is looked at."""
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="database-watch", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while connections := self._open():
            now = time.monotonic()
            for connection in connections:
                if connection.due_at < now and not connection.is_given_up:
                    log.warning("a database connection is ended", no_answer_for_seconds=connection.answer_seconds_max)
                    connection.give_up()
            # Before the wait: a reference would keep connections alive that are in no other use.
            del connections, connection
            time.sleep(LOOK_SECONDS)

    def _open(self) -> list[FrugalConnection]:
        with self._lock:
            found = [connection for connection in self._connections if not connection.closed]
            if not found:
                self._thread = None
            return found


_WATCH: Final = _Watch()


def connecting_within(answer_seconds_max: float) -> Callable[..., FrugalConnection]:
    """A factory for psycopg2 of connections whose answers have this time."""

    def connect(*arguments: Any, **named: Any) -> FrugalConnection:
        return FrugalConnection(*arguments, answer_seconds_max=answer_seconds_max, **named)

    return connect


def driver_of(connection: Connection) -> FrugalConnection:
    """What carries the statements of a connection of SQLAlchemy's."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, FrugalConnection), "an engine of pix.postgres.engine makes no other"
    return driver


def replace_the_dead(engine: Engine) -> None:
    """Makes the engine's pool notice connections that the server has closed, or to a server that takes no writes.

    All of the pool are replaced then: what closed one has mostly closed them all.
    """

    @event.listens_for(engine, "checkout")
    def check(connection: Any, _record: Any, _fairy: Any) -> None:
        if connection.closed or connection.is_to_be_replaced or _has_something_to_say(connection.fileno()):
            raise InvalidatePoolError("the server has closed the connection, or takes no writes")


def _has_something_to_say(descriptor: int) -> bool:
    # Between transactions a server speaks only to say farewell, or by hanging up.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))
