"""Threads for requests that must be answered while the shared threads of pages and REST all hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

Value = TypeVar("Value")


class OwnThreads:
    def __init__(self, purpose: str, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=purpose)

    async def run(self, function: Callable[[], Value]) -> Value:
        """What the function returns. It must have a time limit: others wait for its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, function)


HEALTH_THREADS: Final = OwnThreads("health", 4)
METRICS_THREADS: Final = OwnThreads("metrics", 2)
