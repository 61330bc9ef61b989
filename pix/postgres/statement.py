"""One statement of PostgreSQL, prepared, on a connection of its own.

For what is asked many hundred times a second: to plan the statement anew takes PostgreSQL longer than to run it.
"""

from __future__ import annotations

import contextlib
import random
import select
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import extensions

from pix.postgres.errors import why_unavailable
from pix.postgres.limits import connection_parameters
from pix.postgres.url import database_url, dsns_of_hosts, libpq_dsn
from pix.runtime.outages import ConnectionLost, DatabaseUnavailable

ANSWER_SECONDS_MAX: Final = 10.0
"""For a connection and its first answer, or for a later answer."""

_EXECUTE: Final = "EXECUTE prepared (%s)"


Rows = list[tuple[Any, ...]]


class PreparedStatement:
    """Fetches the rows of a single statement; calls at the same time wait for each other."""

    def __init__(self, url: str, statement: str, parameter_type: str) -> None:
        """`statement` has one parameter, `$1`. Connects when it is first needed."""
        self._limits = connection_parameters(database_url(url))
        self._dsns = dsns_of_hosts(libpq_dsn(url))
        self._prepare = (
            # A plan for any value is as good as one for this value, and is made once. It must not be to walk through
            # the tables: they may be small when it is made, and a million rows long before the next statistics.
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
            f"PREPARE prepared ({parameter_type}) AS {statement}"
        )
        self._connection: Any = None
        self._turn = threading.Lock()

    def fetch(self, value: Any) -> Rows:
        """The rows for a value of the parameter. Raises DatabaseUnavailable.

        A connection that died while it was idle is noticed here, and no question is lost with it.
        """
        with self._turn:
            if self._connection is not None:
                with contextlib.suppress(ConnectionLost):
                    return self._fetch(value)
            return self._fetch(value)

    def begin(self, value: Any) -> FetchUnderWay | None:
        """Asks for the rows, and returns at once. None when that takes a wait: then `fetch` does it.

        It takes one for who has no connection, and while others ask.
        """
        if not self._turn.acquire(blocking=False):
            return None
        try:
            if self._connection is not None:
                return FetchUnderWay(self, self._begin(value))
        except ConnectionLost:
            pass
        except BaseException:
            self._turn.release()
            raise
        self._turn.release()
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fetch(self, value: Any) -> Rows:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        with self._judging():
            if self._connection is None:
                self._connect(deadline)
            cursor = self._execute(_EXECUTE, (value,), deadline)
            rows: Rows = cursor.fetchall()
            return rows

    def _begin(self, value: Any) -> Any:
        with self._judging():
            cursor = self._connection.cursor()
            cursor.execute(_EXECUTE, (value,))
            return cursor

    @contextlib.contextmanager
    def _judging(self) -> Iterator[None]:
        """What went wrong in the block, in our words; a connection that it happened to is closed."""
        try:
            yield
        except TimeoutError as error:
            self.close()
            raise DatabaseUnavailable(f"no answer in {ANSWER_SECONDS_MAX:.0f} s") from error
        except psycopg2.Error as error:
            # Whatever it was: in the middle of a statement the connection is of no use for the next one.
            self.close()
            reason = why_unavailable(error)
            if reason is None:
                raise
            is_lost = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
            raise (ConnectionLost if is_lost else DatabaseUnavailable)(reason) from error
        except BaseException:
            self.close()
            raise

    def _connect(self, deadline: float) -> None:
        """To the first host that lets it in, in an order of chance, as libpq does it for other connections.

        For an asynchronous one it keeps no time, and would wait for a host that is gone while another one answers.
        """
        random.shuffle(self._dsns)
        for number, dsn in enumerate(self._dsns, 1):
            hosts_left = len(self._dsns) - number
            now = time.monotonic()
            try:
                self._connection = psycopg2.connect(dsn, async_=True, **self._limits)
                self._answer(now + max(deadline - now, 0) / (hosts_left + 1))
                break
            except (TimeoutError, psycopg2.OperationalError):
                self.close()
                if not hosts_left:
                    raise
        self._execute(self._prepare, None, deadline)

    def _execute(self, statement: str, values: tuple[Any, ...] | None, deadline: float) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        self._answer(deadline)
        return cursor

    def _answer(self, deadline: float) -> None:
        """Waits with an end, which a connection that is not asynchronous would not have."""
        connection = self._connection
        while (state := connection.poll()) != extensions.POLL_OK:
            if not _wait(connection, state, max(deadline - time.monotonic(), 0)):
                raise TimeoutError


class FetchUnderWay:
    """Rows on their way. The connection takes the next statement after `rows` has returned them, or raised."""

    def __init__(self, statement: PreparedStatement, cursor: Any) -> None:
        self._statement = statement
        self._cursor = cursor
        self._state = extensions.POLL_READ
        self._deadline = time.monotonic() + ANSWER_SECONDS_MAX

    def rows(self) -> Rows | None:
        """The rows; None while they are not there. Raises DatabaseUnavailable, and ConnectionLost. Never waits."""
        try:
            with self._statement._judging():
                self._state = self._cursor.connection.poll()
                if self._state != extensions.POLL_OK:
                    if time.monotonic() > self._deadline:
                        raise TimeoutError
                    return None
                rows: Rows = self._cursor.fetchall()
        except BaseException:
            self._statement._turn.release()
            raise
        self._statement._turn.release()
        return rows

    def wait(self, seconds: float) -> None:
        """Until there is something new to know, but not longer."""
        _wait(self._cursor.connection, self._state, seconds)


def _wait(connection: Any, state: int, seconds: float) -> bool:
    """Whether the connection is ready for what it waits for."""
    ready = select.poll()
    ready.register(connection.fileno(), select.POLLOUT if state == extensions.POLL_WRITE else select.POLLIN)
    return bool(ready.poll(seconds * 1000))
