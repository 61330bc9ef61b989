"""Money and times as the API writes and reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from pix.scheme.days import LOCAL_MS_MAX, LOCAL_MS_MIN
from pix.scheme.money import AMOUNT_CENTAVOS_MAX

_REAIS: Final = re.compile(r"[0-9]{1,10}\.[0-9]{2}")


def rfc3339(at_ms: int) -> str:
    """The time as `2026-11-29T10:00:00.000Z`."""
    seconds, milliseconds = divmod(min(max(at_ms, LOCAL_MS_MIN), LOCAL_MS_MAX), 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z".rjust(24, "0")


def reais(amount_centavos: int) -> str:
    """The amount as `10.50`."""
    whole, centavos = divmod(amount_centavos, 100)
    return f"{whole}.{centavos:02d}"


def parse_reais(text: str) -> int:
    """Centavos of `10.50`, 0 to the largest amount. Raises ValueError with a sentence in Portuguese."""
    if not _REAIS.fullmatch(text):
        raise ValueError("O valor deve ter de 1 a 10 dígitos, um ponto e duas casas decimais, como 10.50.")
    amount_centavos = int(text.replace(".", ""))
    if amount_centavos > AMOUNT_CENTAVOS_MAX:
        raise ValueError(f"O valor pode ser no máximo {reais(AMOUNT_CENTAVOS_MAX)}.")
    return amount_centavos
