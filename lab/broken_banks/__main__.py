"""Starts the small bank by the contract of docs/bank-contract.md, with the mistakes that are asked for."""

from __future__ import annotations

import argparse
import sys
import threading
import uuid
from collections.abc import Sequence
from typing import Final

from lab.broken_banks.bank import Bank
from lab.broken_banks.broker import BrokerUnavailable, Publisher, Reader
from lab.broken_banks.contract import contract_routes
from lab.broken_banks.defects import Defect
from lab.broken_banks.hub import Hub
from lab.broken_banks.mutants import MUTANTS
from lab.broken_banks.refusals import Refused
from lab.broken_banks.reports import report_routes
from lab.broken_banks.settings import Settings, read_settings
from lab.broken_banks.web import serve
from pix.participant.process import run_roles
from pix.runtime.logs import configure_logs, logger
from pix.runtime.settings_error import SettingsError

HEARTBEAT_SECONDS: Final = 4.0
RETRY_SECONDS: Final = 0.3
SWEEP_SECONDS: Final = 0.1
EXIT_USAGE: Final = 2

log = logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.broken_banks", description=__doc__)
    parser.add_argument(
        "--defect", action="append", default=[], choices=[defect.value for defect in Defect], help="plant this mistake"
    )
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="deviate in one line: for proofs of the examiner")
    options = parser.parse_args(arguments)
    configure_logs("small-bank", "INFO", as_json=False)
    try:
        settings = read_settings()
    except SettingsError as error:
        parser.error(str(error))
    kind = MUTANTS[options.mutant].bank if options.mutant else Bank
    return run(settings, frozenset(map(Defect, options.defect)), kind)


def run(settings: Settings, defects: frozenset[Defect], kind: type[Bank] = Bank) -> int:
    """Runs the bank until SIGTERM; returns the process's exit code."""
    hub, publisher = Hub(settings), Publisher(settings)
    bank = kind(settings, hub, publisher.publish, publisher.flush, defects)
    reader = Reader(settings, defects)
    is_reading = threading.Event()
    instance = f"{settings.code}-{uuid.uuid4().hex[:8]}"

    def is_ready() -> bool:
        return is_reading.is_set() and has_joined(bank)

    def keep_in_touch(stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                hub.join()
                remember_joining(bank)
                while not stop.is_set():
                    bank.mirror_settlement()
                    hub.heartbeat(instance, reader.lag)
                    stop.wait(HEARTBEAT_SECONDS)
            except Refused as refusal:
                log.warning("the hub does not take part", reason=refusal.reason, detail=refusal.detail)
                stop.wait(RETRY_SECONDS)
        if has_joined(bank):
            try:
                hub.leave(instance)
            except Refused as refusal:
                log.warning("the hub does not note the leave", reason=refusal.reason)

    def consume(stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                if not is_reading.is_set():
                    reader.assign()
                    is_reading.set()
                reader.run(bank.receive, publisher.flush, stop)
            except BrokerUnavailable as error:
                log.warning("the broker does not answer", error=str(error))
                stop.wait(RETRY_SECONDS)
        reader.close()

    def sweep(stop: threading.Event) -> None:
        while not stop.wait(SWEEP_SECONDS):
            bank.retransmit()

    def answer(stop: threading.Event) -> None:
        routes = (*contract_routes(bank, is_ready), *report_routes(bank, is_ready))
        serve(settings.http_host, settings.http_port, routes, stop)

    return run_roles({"hub": keep_in_touch, "kafka": consume, "sweeper": sweep, "http": answer})


def has_joined(bank: Bank) -> bool:
    """Once in its life is enough: after a restart the bank serves its customers also while the hub is down."""
    with bank.reading() as ledger:
        return bool(ledger.fact("joined"))


def remember_joining(bank: Bank) -> None:
    if not has_joined(bank):
        with bank.transaction():
            bank.ledger.set_fact("joined", "yes")


if __name__ == "__main__":
    sys.exit(main())
