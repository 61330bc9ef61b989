"""The bank's unit of work on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from sqlalchemy import Engine

from bank_sim.adapters.postgres.accounts import PostgresAccounts, PostgresKeys
from bank_sim.adapters.postgres.batches import PostgresBatches
from bank_sim.adapters.postgres.charges import PostgresCharges, PostgresLocations
from bank_sim.adapters.postgres.credentials import PostgresApiRequests, PostgresCredentials
from bank_sim.adapters.postgres.customer_app import PostgresDevices, PostgresFavourites, PostgresReadMarks
from bank_sim.adapters.postgres.flows import row_repositories
from bank_sim.adapters.postgres.postings import PostgresPostings
from bank_sim.adapters.postgres.receipts import PostgresReceipts
from bank_sim.adapters.postgres.sandbox import PostgresPlans, PostgresRules
from bank_sim.adapters.postgres.schedules import PostgresSchedules
from bank_sim.adapters.postgres.signing_keys import PostgresSigningKeys
from bank_sim.adapters.postgres.switches import PostgresSwitches
from bank_sim.adapters.postgres.webhooks import PostgresNotices, PostgresWebhooks
from bank_sim.application.charges.ports import BatchRepository, ChargeRepository, LocationRepository
from bank_sim.application.credentials.ports import ApiRequestRepository, CredentialRepository
from bank_sim.application.customer_app.ports import DeviceRepository, FavouriteRepository, ReadMarkRepository
from bank_sim.application.payable_codes.ports import SigningKeyRepository
from bank_sim.application.ports import (
    AccountRepository,
    BooksViolated,
    KeyRepository,
    PostingRepository,
    RowExists,
    RowRepository,
    ScheduleRepository,
    SwitchRepository,
)
from bank_sim.application.receipts.ports import ReceiptRepository
from bank_sim.application.sandbox.ports import PlanRepository, RuleRepository
from bank_sim.application.webhooks.ports import NoticeRepository, WebhookRepository
from bank_sim.domain.flows.transfer.model import NAME as TRANSFER
from bank_sim.domain.flows.transfer.model import Transfer
from pix.participant.clock.model import ClockRepository
from pix.participant.clock.postgres import PostgresClock
from pix.participant.dead_letters.model import DeadLetterRepository
from pix.participant.dead_letters.postgres import PostgresDeadLetters
from pix.postgres.unit_of_work import PostgresTransaction


class PostgresUnitOfWork(PostgresTransaction):
    accounts: AccountRepository
    keys: KeyRepository
    rows: Mapping[str, RowRepository[Any]]
    transfers: RowRepository[Transfer]
    postings: PostingRepository
    schedules: ScheduleRepository
    charges: ChargeRepository
    locations: LocationRepository
    batches: BatchRepository
    receipts: ReceiptRepository
    credentials: CredentialRepository
    api_requests: ApiRequestRepository
    webhooks: WebhookRepository
    notices: NoticeRepository
    switches: SwitchRepository
    signing_keys: SigningKeyRepository
    rules: RuleRepository
    plans: PlanRepository
    clock: ClockRepository
    devices: DeviceRepository
    favourites: FavouriteRepository
    read_marks: ReadMarkRepository
    dead_letters: DeadLetterRepository

    def _open(self) -> None:
        self.accounts = PostgresAccounts(self._connection)
        self.keys = PostgresKeys(self._connection)
        self.rows = row_repositories(self._connection)
        self.transfers = self.rows[TRANSFER]
        self.postings = PostgresPostings(self._connection)
        self.schedules = PostgresSchedules(self._connection)
        self.charges = PostgresCharges(self._connection)
        self.locations = PostgresLocations(self._connection)
        self.batches = PostgresBatches(self._connection)
        self.receipts = PostgresReceipts(self._connection)
        self.credentials = PostgresCredentials(self._connection)
        self.api_requests = PostgresApiRequests(self._connection)
        self.webhooks = PostgresWebhooks(self._connection)
        self.notices = PostgresNotices(self._connection)
        self.switches = PostgresSwitches(self._connection)
        self.signing_keys = PostgresSigningKeys(self._connection)
        self.rules = PostgresRules(self._connection)
        self.plans = PostgresPlans(self._connection)
        self.clock = PostgresClock(self._connection)
        self.devices = PostgresDevices(self._connection)
        self.favourites = PostgresFavourites(self._connection)
        self.read_marks = PostgresReadMarks(self._connection)
        self.dead_letters = PostgresDeadLetters(self._connection)

    def _raise_for(self, violation: Any, sentence: str) -> None:
        if isinstance(violation, psycopg2.errors.UniqueViolation):
            raise RowExists(sentence) from violation
        if isinstance(violation, psycopg2.errors.CheckViolation):
            raise BooksViolated(sentence) from violation


class PostgresUnitsOfWork:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> PostgresUnitOfWork:
        return PostgresUnitOfWork(self._engine)
