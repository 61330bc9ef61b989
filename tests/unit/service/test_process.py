"""What a service's process asks of the C library."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

THREADS = 12
COUNT_HEAPS = f"""
import ctypes, os, sys, threading
from pix.participant.process import share_heaps

if sys.argv[1] == "share":
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
start = threading.Barrier({THREADS})

def work():
    start.wait()
    for _ in range(200):
        libc.malloc(10_000)
    start.wait()

threads = [threading.Thread(target=work) for _ in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def heaps(what: str, **environment: str) -> int:
    finished = subprocess.run(
        [sys.executable, "-c", COUNT_HEAPS, what],
        env={**{name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.count("<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
def test_threads_share_two_heaps_unless_the_environment_says_otherwise() -> None:
    assert heaps("share") <= 2 < heaps("as ever")
    assert heaps("share", MALLOC_ARENA_MAX="5") > 2
