"""Contract constants: the names in the metadata of gRPC calls, which both sides must agree on.

protos/codepix/v1/directory.proto describes them for other languages.
"""

from __future__ import annotations

from typing import Final

from pix.scheme.credentials import METADATA_ISPB, METADATA_SECRET

METADATA_FIELD: Final = "codepix-field"
METADATA_RULE: Final = "codepix-rule"
METADATA_OWNER: Final = "codepix-owner-bin"
"""In ALREADY_EXISTS: the name of the bank that owns the key, in UTF-8."""
METADATA_RETRY_AFTER: Final = "retry-after"
"""In RESOURCE_EXHAUSTED of look-ups: the seconds until the next token."""


def credentials(ispb: str, secret: str) -> tuple[tuple[str, str], ...]:
    return ((METADATA_ISPB, ispb), (METADATA_SECRET, secret))
