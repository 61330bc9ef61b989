"""Why work has to wait: the database or the broker does not answer."""

from __future__ import annotations


class DatabaseUnavailable(Exception):
    """The database does not answer. It is no fault of the records: wait, and read them again."""


class ConnectionLost(DatabaseUnavailable):
    """A connection is no more, which says little about the database: a new one may do."""


class BrokerUnavailable(Exception):
    """The broker does not answer. Wait, and try again."""


class ConsumerStalled(BrokerUnavailable):
    """A stalled consumer: records wait at the broker, or may, and its client fetches none. A new source replaces it."""


class PublishFailed(BrokerUnavailable):
    """The broker has not acknowledged in time. What is owed stays in the rows and is sent again."""
