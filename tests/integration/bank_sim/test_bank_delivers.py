"""The role that delivers: slow receivers beside quick ones, and replicas that share what is due."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.adapters.receivers import HttpReceivers
from bank_sim.application.webhooks.ports import NoticeFilter
from bank_sim.application.webhooks.use_cases import Delivering
from bank_sim.domain.account import Account
from bank_sim.domain.webhooks.model import NoticeStatus, Webhook
from bank_sim.entrypoints.webhooks import WebhookDelivery
from lab.network.parts.process import wait_until
from pix.postgres.engine import make_engine
from pix.runtime.allowed_hosts import AllowedHosts
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from tests.support.bank import World
from tests.support.databases import Databases
from tests.support.webhooks import ReceiverInMemory, ReceiverServer

KEY = PixKey(KeyKind.EMAIL, "ana@aurora.example")
WAIT_SECONDS_MAX = 20.0
WAIT_MS_MAX = 3_600_000


def receive(world: World, account: Account, url: str) -> None:
    """A Pix comes in, and a webhook is owed for it."""
    with world.units() as unit:
        unit.webhooks.put(Webhook(account.number, KEY, url, world.clock.now_ms()))
        unit.commit()
    offer = replace(world.offer(account), initiation=Initiation.QRES, txid="pedido1")
    world.hear(offer, replace(world.confirmed(offer), initiation=Initiation.QRES, txid="pedido1"))


def is_delivered(world: World, account: Account) -> bool:
    (notice,) = world.bank.webhooks.queries.notices(NoticeFilter(account.number))
    return notice.status is NoticeStatus.DELIVERED


@contextmanager
def delivering(world: World) -> Iterator[None]:
    stop = threading.Event()
    role = WebhookDelivery(world.bank.webhooks.deliver_due, world.bank.health)
    thread = threading.Thread(target=role.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_receiver_that_hangs_keeps_no_other_waiting() -> None:
    with ReceiverServer() as hanging, ReceiverServer() as quick:
        hanging.wait_for = threading.Event()
        world = World(MemoryUnitsOfWork(), delivering=Delivering(HttpReceivers(AllowedHosts(), 10.0)))
        ana, bruno = world.open_account(), world.open_account()
        receive(world, ana, hanging.url())
        receive(world, bruno, quick.url())
        with delivering(world):
            wait_until(lambda: is_delivered(world, bruno), WAIT_SECONDS_MAX, "the quick receiver to be told")
            assert not is_delivered(world, ana)
            hanging.wait_for.set()
            wait_until(lambda: is_delivered(world, ana), WAIT_SECONDS_MAX, "the slow receiver to be told")
    assert [len(hanging.requests), len(quick.requests)] == [1, 1]


@pytest.mark.postgres
def test_replicas_share_what_is_due(databases: Databases) -> None:
    engine = make_engine(databases.migrated(MIGRATIONS))
    receiver = ReceiverInMemory()
    world = World(PostgresUnitsOfWork(engine), delivering=receiver.delivering())
    ana = world.open_account()
    receive(world, ana, "http://127.0.0.1:9/")
    with world.units() as other:
        assert len(other.notices.lock_due(world.clock.real_now_ms(), 10, WAIT_MS_MAX)) == 1
        assert world.bank.webhooks.deliver_due() == 0
    assert world.bank.webhooks.deliver_due() == 1 and len(receiver.posts) == 1
    engine.dispose()
