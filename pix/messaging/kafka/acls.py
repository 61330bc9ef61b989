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
from pix.wire.topics import HUB_TOPIC, bank_topic

ACL_TIMEOUT_SECONDS: Final = 10.0


def bank_user(code: str) -> str:
    """The name with which the bank of this 3-digit code signs in to the broker."""
    return f"bank-{code}"


def bank_group(code: str) -> str:
    """The consumer group in which a bank's replicas share its topic's partitions."""
    return f"codepix-bank-{code}"


def allow_banks(settings: KafkaSettings, codes: Sequence[str]) -> None:
    """Gives the banks their rights; a second time changes nothing. Raises BrokerUnavailable."""
    bindings = [binding for code in codes for binding in _rights_of(code)]
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
    return [
        AclBinding(
            kind, name, ResourcePatternType.LITERAL, f"User:{bank_user(code)}", "*", operation, AclPermissionType.ALLOW
        )
        for kind, name, operation in rights
    ]
