"""When an unanswered message is sent again: exponential backoff with jitter and a cap.

Pure: the jitter comes from the transfer's own id and the attempt, so that a run can be replayed exactly, and so that
transfers made in the same instant still spread out.

A next time is a time by the wall clock, which may step back. No row waits longer than `cap_ms` after it was sent, so
one that is due later than that from now was given its time before such a step: it counts as due. Stores take the
longest wait as `wait_ms_max` for that reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

JITTER_PERCENT_MAX = 25
ATTEMPTS_BEFORE_CAP_MAX = 30
"""Beyond this many doublings any delay has long met its cap; it keeps the integers small."""


@dataclass(frozen=True, slots=True)
class RetransmissionPolicy:
    """`first_ms` before the first resend, doubled each time, at most `cap_ms`; each minus up to 25 % of jitter."""

    first_ms: int = 5_000
    cap_ms: int = 60_000

    def was_sent_before(self, end_to_end_id: str, attempt: int, resend_at_ms: int, moment_ms: int) -> bool:
        """Whether a message that is due at `resend_at_ms`, after so many retransmissions, was last sent before then.

        A counterpart that was away until that moment may have missed it; a later message it has yet to answer.
        """
        return resend_at_ms - self.delay_ms(end_to_end_id, attempt) < moment_ms

    def delay_ms(self, end_to_end_id: str, attempt: int) -> int:
        """Milliseconds to wait after sending for the `attempt`-th time (0 is the first send)."""
        full_ms = min(self.first_ms << min(attempt, ATTEMPTS_BEFORE_CAP_MAX), self.cap_ms)
        jitter_percent = crc32(f"{end_to_end_id}/{attempt}".encode()) % (JITTER_PERCENT_MAX + 1)
        return full_ms - full_ms * jitter_percent // 100
