"""What a run begins with: accounts that hold money, and a few payments while all is well."""

from __future__ import annotations

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.domain import books
from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.behaviour import AnswerMode, AnswerStyle, Behaviour
from pix.scheme.keys import KeyKind
from pix.scheme.people import HolderKind
from tests.simulation.banks import SimulatedBank
from tests.simulation.world import World

ACCOUNTS_PER_BANK = 3
PAID_IN_ADVANCE_CENTAVOS_MAX = 5_000
IN_ADVANCE_MS_MAX = 60_000
CPFS = ("52998224725", "11144477735", "39053344705", "86288366757", "15350946056", "01234567890", "98765432100")


def open_accounts(world: World, bank: SimulatedBank, number: int) -> None:
    """Customers with money and a key each."""
    for each in range(ACCOUNTS_PER_BANK):
        cpf = CPFS[(number * ACCOUNTS_PER_BANK + each) % len(CPFS)]
        account = _open_account(world, bank, each, cpf)
        key = bank.quiet.register_key(
            account_number=account.number, kind=KeyKind.EMAIL, key=f"c{each}@bank{bank.identity.code}.example"
        )
        bank.accounts.append(account.number)
        bank.keys.append(key.key)


def _open_account(world: World, bank: SimulatedBank, each: int, cpf: str) -> Account:
    """As the use case does, without the memory-hard hash of a PIN that is not entered here."""
    now_ms = world.timeline.now_ms()
    opened = Account(
        f"00000{each}-0", f"Customer {each}", HolderKind.PERSON, cpf, AccountStatus.ACTIVE, 0, opened_at_ms=now_ms
    )
    amount_centavos = world.random.randrange(PAID_IN_ADVANCE_CENTAVOS_MAX, 200_000)
    account, posting = books.book(opened, books.deposit(opened.number, f"opening-{each}", amount_centavos, now_ms))
    with MemoryUnitsOfWork(bank.store)() as unit:
        unit.accounts.add(account, "")
        unit.postings.add([posting])
        unit.commit()
    return account


def pay_in_advance(world: World) -> None:
    """A few payments while all is well, so that there is something to give back in every run."""
    clocks = [*world.hub_clocks, *(bank.clock for bank in world.banks)]
    offs_ms = [clock.off_ms for clock in clocks]
    for clock in clocks:
        clock.off_ms = 0
    for number, bank in enumerate(world.banks):
        bank.application.request_transfer(
            account_number=bank.accounts[0],
            payee_key=world.banks[(number + 1) % len(world.banks)].keys[0],
            amount_centavos=world.return_random.randrange(1, PAID_IN_ADVANCE_CENTAVOS_MAX),
            description="in advance",
            idempotency_key="in advance",
            payee_tax_id_masked="",
        )
    # With some of the planted bugs it would never be quiet.
    until_ms = world.timeline.now_ms() + IN_ADVANCE_MS_MAX
    while (next_ms := world.timeline.next_ms()) is not None and next_ms <= until_ms:
        world.timeline.advance()
    for clock, off_ms in zip(clocks, offs_ms, strict=True):
        clock.off_ms = off_ms
    for bank in world.banks:
        if world.random.random() < 0.5:
            bank.quiet.block_account(account_number=bank.accounts[-1])
        bank.quiet.choose_behaviour(behaviour=draw_behaviour(world))


def draw_behaviour(world: World) -> Behaviour:
    """Of a bank: well, late, twice, contradictory, silent or refusing."""
    calm = Behaviour()
    return world.random.choice(
        (
            calm,
            calm,
            calm,
            Behaviour(answer_delay_ms=world.random.randrange(60_000)),
            Behaviour(answer_style=AnswerStyle.TWICE),
            Behaviour(answer_style=AnswerStyle.YES_AND_NO),
            Behaviour(mode=AnswerMode.SILENT),
            Behaviour(mode=AnswerMode.REJECT),
        )
    )
