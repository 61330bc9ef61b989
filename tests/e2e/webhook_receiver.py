"""A merchant's program as a process: it books each Pix that a webhook tells of, durably, before it answers.

`python -m tests.e2e.webhook_receiver PORT FILE SECONDS`: a line of FILE is a booking, the end-to-end id and the amount.
It answers so many seconds after it has booked.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Ledger:
    """The bookings in a file. What is booked is not booked again, also after a start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        whole, _, torn = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
        if torn:
            # A line that was being written when the process died; its answer was never given.
            path.write_text(f"{whole}\n" if whole else "")
        self._booked = {line.split()[0] for line in whole.splitlines()}

    def book(self, end_to_end_id: str, amount: str) -> None:
        with self._lock:
            if end_to_end_id in self._booked:
                return
            with self._path.open("a") as file:
                file.write(f"{end_to_end_id} {amount}\n")
                file.flush()
                os.fsync(file.fileno())
            self._booked.add(end_to_end_id)


def serve(port: int, ledger: Ledger, seconds: float) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            for pix in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["pix"]:
                ledger.book(pix["endToEndId"], pix["valor"])
            threading.Event().wait(seconds)
            self._answer()

        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Ledger(Path(sys.argv[2])), float(sys.argv[3]))
