"""Whether this machine can have hosts with bad links; exit code 1 and the reason when not: `python -m …`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from lab.network.cluster.hosts import HostNetwork
from lab.network.cluster.links import Link
from lab.network.parts.errors import PartError, PartMissing


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with HostNetwork(2, Path(folder), link=Link(delay_ms=1.0)) as network:
                network.hosts[0].run(["ip", "address"])
        except (PartError, PartMissing, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
