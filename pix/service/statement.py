"""One statement of PostgreSQL for an event loop: prepared, on a connection of its own, and never holding the loop up.

For what is asked many hundred times a second. A thread for each would wait for the interpreter's lock twice a
statement; and to plan the statement anew takes PostgreSQL longer than to run it.
"""

from __future__ import annotations

import asyncio
import contextlib
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
        self._turn = asyncio.Lock()

    async def fetch(self, value: Any) -> list[tuple[Any, ...]]:
        """The rows for a value of the parameter. Raises DatabaseUnavailable.

        A connection that died while nobody asked is noticed here, and costs nobody an answer.
        """
        async with self._turn:
            if self._connection is not None:
                with contextlib.suppress(ConnectionLost):
                    return await self._fetch(value)
            return await self._fetch(value)

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _fetch(self, value: Any) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                if self._connection is None:
                    await self._connect()
                cursor = await self._execute("EXECUTE prepared (%s)", (value,))
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

    async def _connect(self) -> None:
        # In a thread, for the name of the server is looked up by that.
        self._connection = await asyncio.to_thread(psycopg2.connect, self._dsn, async_=True)
        await self._answer()
        await self._execute(self._prepare, None)

    async def _execute(self, statement: str, values: tuple[Any, ...] | None) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(statement, values)
        await self._answer()
        return cursor

    async def _answer(self) -> None:
        connection = self._connection
        while (state := connection.poll()) != extensions.POLL_OK:
            await _readiness(connection.fileno(), for_writing=state == extensions.POLL_WRITE)


async def _readiness(file: int, *, for_writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if for_writing else (loop.add_reader, loop.remove_reader)
    add(file, _conclude, ready)
    try:
        await ready
    finally:
        remove(file)


def _conclude(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
