"""A sandbox snapshot of a bank's database, and one that an older version has taken."""

from __future__ import annotations

from sqlalchemy import Engine, text

from lab.sandbox.snapshots import Snapshots
from tests.support.bank import World

TALLIES = ("posting_tallies", "account_tallies", "row_tallies", "dead_letter_tallies")


def _snapshots(engine: Engine) -> Snapshots:
    return Snapshots([engine.url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)])


def test_the_sums_of_the_books_come_back_with_the_books(world: World, engine: Engine) -> None:
    ana = world.open_account(100_00)
    world.pay(ana, 30_00)
    sums, counts = world.bank.queries.sums_of_books(), world.bank.queries.count_transfers()
    snapshots = _snapshots(engine)
    snapshots.take("monday")
    world.pay(ana, 20_00, "order-2")

    snapshots.restore("monday")

    assert (world.bank.queries.sums_of_books(), world.bank.queries.count_transfers()) == (sums, counts)
    snapshots.remove("monday")


def test_a_snapshot_from_before_the_sums_were_kept_is_counted(world: World, engine: Engine) -> None:
    ana = world.open_account(100_00)
    world.pay(ana, 30_00)
    sums, counts = world.bank.queries.sums_of_books(), world.bank.queries.count_transfers()
    snapshots = _snapshots(engine)
    snapshots.take("old")
    with engine.begin() as connection:
        for table in TALLIES:
            connection.execute(text(f"DROP TABLE snapshot_old.{table}"))
    world.pay(ana, 20_00, "order-2")

    snapshots.restore("old")

    assert (world.bank.queries.sums_of_books(), world.bank.queries.count_transfers()) == (sums, counts)
    snapshots.remove("old")
