"""A demo bank is filled with people, accounts, money and keys that tell stories."""

from __future__ import annotations

from bank_sim.application.block_account import BlockAccount
from bank_sim.application.close_account import CloseAccount
from bank_sim.application.demo_people import DEMO_PIN, DemoStory, stories_of
from bank_sim.application.open_account import OpenAccount
from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.queries import Queries
from bank_sim.application.register_key import RegisterKey
from bank_sim.application.views import DemoPerson
from bank_sim.domain.account import AccountStatus, account_number
from bank_sim.domain.errors import KeyTaken
from pix.runtime.logs import logger
from pix.scheme.keys import KeyKind, normalize_key

log = logger(__name__)


class SeedDemoPeople:
    """Makes each demo person once; who is complete is left alone, whatever became of their money and keys."""

    def __init__(
        self,
        units: UnitsOfWork,
        queries: Queries,
        open_account: OpenAccount,
        register_key: RegisterKey,
        block_account: BlockAccount,
        close_account: CloseAccount,
        bank_code: str,
    ) -> None:
        self._units = units
        self._queries = queries
        self._open_account = open_account
        self._register_key = register_key
        self._block_account = block_account
        self._close_account = close_account
        self._bank_code = bank_code

    def __call__(self) -> list[DemoPerson]:
        """The demo people. Keys need the hub: raises HubUnavailable, and goes on where it was the next time."""
        for story in stories_of(self._bank_code):
            with self._units() as unit:
                is_complete = story.story in unit.switches.seeded_stories()
            if not is_complete:
                self._seed(story)
        return self._queries.demo_people()

    def _seed(self, story: DemoStory) -> None:
        number = account_number(story.serial)
        with self._units() as unit:
            account = unit.accounts.find(number)
        if account is None:
            account = self._open_account.with_number(
                number,
                name=story.name,
                tax_id=story.tax_id,
                opening_deposit_centavos=story.deposit_centavos,
                pin=DEMO_PIN,
            )
        if account.status is AccountStatus.ACTIVE:
            for kind, key in story.keys:
                self._register(number, kind, key)
            if story.status is AccountStatus.BLOCKED:
                self._block_account(account_number=number)
            if story.status is AccountStatus.CLOSED:
                self._close_account(account_number=number)
        with self._units() as unit:
            unit.switches.add_seeded_story(story.story, number)
            unit.commit()

    def _register(self, number: str, kind: KeyKind, key: str) -> None:
        with self._units() as unit:
            registered = [entry.key for entry in unit.keys.of_account(number)]
        if kind is KeyKind.EVP:
            is_there = any(entry.kind is KeyKind.EVP for entry in registered)
        else:
            is_there = normalize_key(kind, key) in registered
        if is_there:
            return
        try:
            self._register_key(account_number=number, kind=kind, key=key)
        except KeyTaken as taken:
            log.warning(
                "a demo key is registered for another account", account_number=number, kind=kind, bank=taken.bank_name
            )
