"""Contract constants: the names under which a bank sends its credentials to the hub.

They are metadata of a gRPC call, and headers of the hub's REST look-up.
"""

from __future__ import annotations

from typing import Final

METADATA_ISPB: Final = "codepix-ispb"
METADATA_SECRET: Final = "codepix-secret"  # noqa: S105 - the name of the field, not a secret
