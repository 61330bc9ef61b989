"""One statement of PostgreSQL, prepared, on a connection of its own.

For what is asked many hundred times a second: to plan the statement anew takes PostgreSQL longer than to run it.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from typing import Any, Final

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import extensions
from sqlalchemy.engine import make_url

from pix.service.batches import DatabaseUnavailable

ANSWER_SECONDS_MAX: Final = 10.0
"""For a connection and its first answer, or for a later answer."""


class ConnectionLost(DatabaseUnavailable):
    """There is none, or it is no more."""


class PreparedStatement:
    """Fetches the rows of a single statement; calls at the same time wait for each other."""

    def __init__(self, url: str, statement: str, parameter_type: str) -> None:
        """`statement` has one parameter, `$1`. Connects when it is first needed."""
        self._dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._prepare = (
            # A plan for any value is as good as one for this value, and is made once. It must not be to walk through
            # the tables: they may be small when it is made, and a million rows long before the next statistics.
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
            f"PREPARE prepared ({parameter_type}) AS {statement}"
        )
        self._connection: Any = None
        self._turn = threading.Lock()

    def fetch(self, value: Any) -> list[tuple[Any, ...]]:
        """The rows for a value of the parameter. Raises DatabaseUnavailable.

        A connection that died while nobody asked is noticed here, and costs nobody an answer.
        """
        with self._turn:
            if self._connection is not None:
                with contextlib.suppress(ConnectionLost):
                    return self._fetch(value)
            return self._fetch(value)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fetch(self, value: Any) -> list[tuple[Any, ...]]:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        try:
            if self._connection is None:
                self._connect(deadline)
            cursor = self._execute("EXECUTE prepared (%s)", (value,), deadline)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
        except TimeoutError as error:
            self.close()
            raise DatabaseUnavailable(f"no answer in {ANSWER_SECONDS_MAX:.0f} s") from error
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            self.close()
            raise ConnectionLost(" ".join(str(error).split())[:300]) from error
        except BaseException:
            # Whatever it was: in the middle of a statement the connection is of no use for the next one.
            self.close()
            raise

    def _connect(self, deadline: float) -> None:
        self._connection = psycopg2.connect(self._dsn, async_=True)
        self._answer(deadline)
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
            ready = select.poll()
            ready.register(connection.fileno(), select.POLLOUT if state == extensions.POLL_WRITE else select.POLLIN)
            if not ready.poll(max(deadline - time.monotonic(), 0) * 1000):
                raise TimeoutError
