"""What an export of a flow's rows has in its columns: what the hub has decided, without texts, keys and histories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DECIDED: Final = (
    "status",
    "reason",
    "amount_centavos",
    "payer_ispb",
    "payer_account_number",
    "payee_ispb",
    "payee_account_number",
    "closed_at_ms",
)
EXPORTED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "transfer": ("end_to_end_id", *_DECIDED),
    "return": ("return_id", *_DECIDED, "original_end_to_end_id"),
}
"""By the name of the flow; the first one is the key."""
