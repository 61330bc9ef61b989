"""Hostile texts, and how many inputs were tried on what."""

from __future__ import annotations

from collections import Counter

COUNTS: Counter[str] = Counter()
"""Printed at the end of a run."""

SQL = (
    "'; DROP TABLE transfers; --",
    "' OR '1'='1",
    "1); DELETE FROM accounts; --",
    "x' UNION SELECT secret_sha256::text FROM bank_secrets --",
    "%' AND 1=pg_sleep(9) --",
)
HTML = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
)
STRANGE = ("\x00", "a\r\nSet-Cookie: x=y", "../../etc/passwd", "\u202eevil", "𝕬" * 30, "%s%n%x", "9" * 400, "é" * 5_000)
HOSTILE = (*SQL, *HTML, *STRANGE)
