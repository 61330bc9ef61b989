"""The bounds of what a test may ask of a payer."""

from __future__ import annotations

from typing import Final

TIMES_MAX: Final = 10
"""So often one code is paid by one plan."""
IN_SECONDS_MAX: Final = 366 * 86_400
