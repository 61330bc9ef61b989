"""What each participant may do at the broker, where the broker asks who one is.

A bank may write to the hub's topic and read its own, in its own consumer group, and that is all. The hub is the
broker's operator (`super.users`), for it makes the topics and gives these rights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from pix.messaging.kafka.settings import KafkaSettings
from pix.runtime.outages import BrokerUnavailable
from pix.scheme.course import COURSE_CODES
from pix.wire.course_v1.topics import CONFIRMATIONS, TRANSACTIONS, course_bank_topic
from pix.wire.topics import HUB_TOPIC, bank_topic

ACL_TIMEOUT_SECONDS: Final = 10.0
ANONYMOUS: Final = "ANONYMOUS"
"""Kafka's name for clients of a listener without passwords."""
NEST_CLIENT_GROUP: Final = "nestjs-group-client"
"""One group for all course banks."""


def bank_user(code: str) -> str:
    """The name with which the bank of this 3-digit code signs in to the broker."""
    return f"bank-{code}"


def bank_group(code: str) -> str:
    """The consumer group in which a bank's replicas share its topic's partitions."""
    return f"codepix-bank-{code}"


def allow_banks(settings: KafkaSettings, codes: Sequence[str]) -> None:
    """Gives the banks their rights; a second time changes nothing. Raises BrokerUnavailable."""
    _create(settings, [binding for code in codes for binding in _rights_of(code)])


def allow_course_banks(settings: KafkaSettings, groups: Sequence[str]) -> None:
    """Gives clients without a password the rights of the course's banks, which have no settings for one.

    `groups` are the consumer groups of their servers. Raises BrokerUnavailable.
    """
    _create(settings, rights_of_course_banks(groups))


def rights_of_course_banks(groups: Sequence[str]) -> list[AclBinding]:
    """Each bank reads the topics of both, and joins the group of Nest's client at its first send."""
    rights = [
        *((ResourceType.TOPIC, course_bank_topic(code), AclOperation.READ) for code in COURSE_CODES),
        *((ResourceType.TOPIC, topic, AclOperation.WRITE) for topic in (TRANSACTIONS, CONFIRMATIONS)),
        *((ResourceType.GROUP, group, AclOperation.READ) for group in (*groups, NEST_CLIENT_GROUP)),
    ]
    return [_allow(ANONYMOUS, *right) for right in rights]


def _create(settings: KafkaSettings, bindings: list[AclBinding]) -> None:
    if not bindings:
        return
    base = {"bootstrap.servers": settings.bootstrap_servers, "client.id": settings.client_id}
    admin = AdminClient(base | settings.extra)
    try:
        for given in admin.create_acls(bindings, request_timeout=ACL_TIMEOUT_SECONDS).values():
            given.result()
    except KafkaException as error:
        raise BrokerUnavailable(f"the banks' rights could not be given: {error.args[0].str()}") from error


def _rights_of(code: str) -> list[AclBinding]:
    rights = (
        (ResourceType.TOPIC, HUB_TOPIC, AclOperation.WRITE),
        (ResourceType.TOPIC, bank_topic(code), AclOperation.READ),
        (ResourceType.GROUP, bank_group(code), AclOperation.READ),
    )
    return [_allow(bank_user(code), *right) for right in rights]


def _allow(user: str, kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    return AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
