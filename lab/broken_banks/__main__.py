"""Starts the small bank by the contract of docs/bank-contract.md, with the mistakes that are asked for."""

from __future__ import annotations

import argparse
import sys
import threading
import uuid
from collections.abc import Sequence
from typing import Final

from lab.broken_banks.broker import BrokerUnavailable, Reader
from lab.broken_banks.defects import Defect
from lab.broken_banks.mutants import MUTANTS, Mutant
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
    mutant = MUTANTS[options.mutant] if options.mutant else Mutant()
    return run(settings, frozenset(map(Defect, options.defect)), mutant)


def run(settings: Settings, defects: frozenset[Defect], mutant: Mutant) -> int:
    """Runs the bank until SIGTERM; returns the process's exit code."""
    hub, publisher = mutant.hub(settings), mutant.publisher(settings)
    bank = mutant.bank(settings, hub, publisher.publish, publisher.flush, defects)
    reader = Reader(settings, defects)
    is_reading, has_joined = threading.Event(), threading.Event()
    instance = f"{settings.code}-{uuid.uuid4().hex[:8]}"

    def is_ready() -> bool:
        return is_reading.is_set() and has_joined.is_set()

    def keep_in_touch(stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                hub.join()
                bank.mirror_settlement()
                has_joined.set()
                while not stop.is_set():
                    hub.heartbeat(instance, reader.lag)
                    bank.release_keys()
                    stop.wait(HEARTBEAT_SECONDS)
                    bank.mirror_settlement()
            except Refused as refusal:
                log.warning("the hub does not take part", reason=refusal.reason, detail=refusal.detail)
                stop.wait(RETRY_SECONDS)
        if has_joined.is_set():
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
            bank.commit_group()

    def answer(stop: threading.Event) -> None:
        routes = (*mutant.contract(bank, is_ready).routes(), *report_routes(bank, is_ready))
        serve(settings.http_host, settings.http_port, routes, stop, mutant.read_body)

    return run_roles({"hub": keep_in_touch, "kafka": consume, "sweeper": sweep, "http": answer})


if __name__ == "__main__":
    sys.exit(main())
