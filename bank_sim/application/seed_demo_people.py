"""A demo bank is filled with people, accounts, money and keys that tell stories."""

from __future__ import annotations

from dataclasses import dataclass

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
from pix.scheme.seed import seeded_uuid

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class SeedDemoPeople:
    """Makes each demo person once; who is complete is left alone, whatever became of their money and keys."""

    units: UnitsOfWork
    queries: Queries
    open_account: OpenAccount
    register_key: RegisterKey
    block_account: BlockAccount
    close_account: CloseAccount
    bank_code: str

    def __call__(self) -> list[DemoPerson]:
        """The demo people. Keys need the hub: raises HubUnavailable, and goes on where it was the next time."""
        for story in stories_of(self.bank_code):
            with self.units() as unit:
                is_complete = story.story in unit.switches.seeded_stories()
            if not is_complete:
                self._seed(story)
        return self.queries.demo_people()

    def _seed(self, story: DemoStory) -> None:
        number = account_number(story.serial)
        with self.units() as unit:
            account = unit.accounts.find(number)
        if account is None:
            account = self.open_account.with_number(
                number,
                name=story.name,
                tax_id=story.tax_id,
                opening_deposit_centavos=story.deposit_centavos,
                pin=DEMO_PIN,
            )
        if account.status is AccountStatus.ACTIVE:
            for place, (kind, key) in enumerate(story.keys):
                self._register(number, kind, key, place)
            if story.status is AccountStatus.BLOCKED:
                self.block_account(account_number=number)
            if story.status is AccountStatus.CLOSED:
                self.close_account(account_number=number)
        with self.units() as unit:
            unit.switches.add_seeded_story(story.story, number)
            unit.commit()

    def _register(self, number: str, kind: KeyKind, key: str, place: int) -> None:
        with self.units() as unit:
            registered = [entry.key for entry in unit.keys.of_account(number)]
        if kind is KeyKind.EVP:
            is_there = any(entry.kind is KeyKind.EVP for entry in registered)
        else:
            is_there = normalize_key(kind, key) in registered
        if is_there:
            return
        try:
            # The hub may have registered it before, and the answer was lost.
            request_id = seeded_uuid("demo people", self.bank_code, number, str(place))
            self.register_key(account_number=number, kind=kind, key=key, request_id=request_id)
        except KeyTaken as taken:
            log.warning(
                "a demo key is registered for another account", account_number=number, kind=kind, bank=taken.bank_name
            )
