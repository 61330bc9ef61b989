"""Exit code 0 when the service in this container says that it is ready: a health check that costs next to nothing.

`codepix-hub health` says the same, but loads the whole hub for it, which is too much for every few seconds.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException
from typing import Final

TIMEOUT_SECONDS: Final = 4.0


def main() -> int:
    """Prints what the service says about its parts, for `docker inspect` to show."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("HTTP_PORT", "8000")), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        print(answer.read().decode(errors="replace"))
    except (OSError, HTTPException) as error:
        print(f"no answer: {error!r}")
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
