"""How long PostgreSQL may take, and how a connection that has fallen silent is noticed on both of its ends.

Three things can happen to a connection, and each needs a limit of another kind. A server that works slowly ends the
statement itself (`statement_timeout` and the like). A peer whose machine is gone acknowledges nothing, which the
kernel notices (`tcp_user_timeout`, keepalive). A proxy or a frozen server acknowledges every byte and never answers:
only a deadline of the client ends that, see `pix.postgres.connections`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from psycopg2.extensions import libpq_version  # type: ignore[import-untyped]

CONNECT_SECONDS_MAX: Final = 5
KEEPALIVE_IDLE_SECONDS: Final = 5
KEEPALIVE_INTERVAL_SECONDS: Final = 2
KEEPALIVE_COUNT: Final = 3
UNACKNOWLEDGED_MS_MAX: Final = 10_000
"""For bytes that the peer's kernel does not acknowledge."""
MS_PER_SECOND: Final = 1_000
LIBPQ_WITH_RANDOM_HOSTS: Final = 160_000

# A primary that others have replaced may still take connections, and answer no commit: with the hosts in an order of
# chance, some connections find the new one.
_TO_THE_PRIMARY: Final = {
    "target_session_attrs": "read-write",
    **({"load_balance_hosts": "random"} if libpq_version() >= LIBPQ_WITH_RANDOM_HOSTS else {}),
}


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """The limits of one connection, in seconds. The server keeps the first three, the client the last."""

    statement_seconds: float
    lock_seconds: float
    idle_in_transaction_seconds: float
    """A client that is gone holds its locks no longer than this."""
    answer_seconds: float
    """For everything that is sent at once. More than `statement_seconds`, so that a server that works says why."""


SERVICE_LIMITS: Final = DatabaseLimits(
    statement_seconds=15, lock_seconds=10, idle_in_transaction_seconds=15, answer_seconds=20
)
"""No statement of a batch, a page or a report comes near these on 5 million transfers."""
MAINTENANCE_LIMITS: Final = DatabaseLimits(
    statement_seconds=3_600, lock_seconds=600, idle_in_transaction_seconds=3_600, answer_seconds=3_660
)
"""For migrations and recounts, which read whole tables while others wait."""

SET_UP_LIMITS: Final = DatabaseLimits(
    statement_seconds=60, lock_seconds=30, idle_in_transaction_seconds=60, answer_seconds=65
)
"""For creating databases, where several at once wait for each other and for the disk."""


class DatabaseAddress(Protocol):
    """An address of a database, taken apart; SQLAlchemy's URL is one."""

    @property
    def query(self) -> Mapping[str, Any]:
        """What stands behind the question mark."""


def connection_parameters(address: DatabaseAddress, limits: DatabaseLimits = SERVICE_LIMITS) -> dict[str, Any]:
    """Parameters of libpq's for a connection with these limits; those that the address names stay as they are.

    Server settings go in `options`, before those of the address: PostgreSQL takes the last of two.
    """
    parameters: dict[str, Any] = {
        **(_TO_THE_PRIMARY if _names_several_hosts(address) else {}),
        "connect_timeout": CONNECT_SECONDS_MAX,
        "keepalives_idle": KEEPALIVE_IDLE_SECONDS,
        "keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
        "keepalives_count": KEEPALIVE_COUNT,
        "tcp_user_timeout": UNACKNOWLEDGED_MS_MAX,
    }
    named = {name: value for name, value in parameters.items() if name not in address.query}
    given = address.query.get("options", "")
    options = [_server_settings(limits), *([given] if isinstance(given, str) else given)]
    return {**named, "options": " ".join(option for option in options if option)}


def _names_several_hosts(address: DatabaseAddress) -> bool:
    hosts = address.query.get("host", "")
    return not isinstance(hosts, str) or "," in hosts


def _server_settings(limits: DatabaseLimits) -> str:
    settings = {
        "statement_timeout": _ms(limits.statement_seconds),
        "lock_timeout": _ms(limits.lock_seconds),
        "idle_in_transaction_session_timeout": _ms(limits.idle_in_transaction_seconds),
        # The server notices a client that is gone as fast as the other way round.
        "tcp_keepalives_idle": KEEPALIVE_IDLE_SECONDS,
        "tcp_keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
        "tcp_keepalives_count": KEEPALIVE_COUNT,
        "tcp_user_timeout": UNACKNOWLEDGED_MS_MAX,
        # So everything that the server says besides is a warning, in whatever language: see FrugalConnection.commit.
        "client_min_messages": "warning",
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _ms(seconds: float) -> int:
    return round(seconds * MS_PER_SECOND)
