"""Accounts, keys, demo people, and what the bank asks the hub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.application.demo_people import stories_of
from bank_sim.application.ports import SettlementFunding
from bank_sim.application.views import StatementFilter
from bank_sim.domain.account import Account, AccountStatus, Payee
from bank_sim.domain.bank import Participant
from bank_sim.domain.errors import (
    AccountBlocked,
    AccountClosed,
    AccountNotEmpty,
    AccountNotFound,
    HubUnavailable,
    KeyNotFound,
    KeyTaken,
    WrongCredentials,
)
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferRejected
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.people import HolderKind
from pix.scheme.reasons import ReasonCode
from tests.support.bank import STRANGERS_KEY, World
from tests.support.banks import IPE


def test_an_account_is_opened_with_its_deposit_in_the_books(world: World) -> None:
    account = world.bank.open_account(
        name="  Ana   Souza ", tax_id="529.982.247-25", opening_deposit_centavos=50_00, pin="1234"
    )
    assert (account.holder_name, account.tax_id, account.branch) == ("Ana Souza", "52998224725", "0001")
    assert world.bank.queries.find_account(account.number) == account
    assert account.balance_centavos == 50_00
    books = world.bank.queries.books()
    assert (books.deposits_centavos, books.cash_centavos, books.customers_centavos) == (50_00, 50_00, 50_00)
    assert books.is_balanced
    company = world.bank.open_account(name="Pão Ltda", tax_id="12ABC34501DE35", opening_deposit_centavos=0, pin="1234")
    assert company.holder_kind is HolderKind.COMPANY
    assert company.number != account.number


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"tax_id": "11111111111"}, "tax_id"),
        ({"pin": "12"}, "pin"),
        ({"opening_deposit_centavos": -1}, "opening_deposit_centavos"),
        ({"opening_deposit_centavos": AMOUNT_CENTAVOS_MAX + 1}, "opening_deposit_centavos"),
    ],
)
def test_an_account_against_a_rule_is_not_opened(world: World, change: dict[str, object], field: str) -> None:
    values = {"name": "Ana", "tax_id": "52998224725", "opening_deposit_centavos": 1, "pin": "1234", **change}
    with pytest.raises(SchemeError) as refusal:
        world.bank.open_account(**values)  # type: ignore[arg-type]
    assert refusal.value.field == field
    assert world.bank.queries.list_accounts().accounts == ()


def test_signing_in_needs_number_and_pin_and_does_not_tell_which_is_wrong(world: World) -> None:
    ana = world.open_account()
    assert world.bank.sign_in(account_number=ana.number, pin="1234") == ana
    sentences = set()
    for number, pin in ((ana.number, "4321"), ("000000-0", "1234"), (ana.number, ""), (ana.number, "1" * 5_000)):
        with pytest.raises(WrongCredentials) as refusal:
            world.bank.sign_in(account_number=number, pin=pin)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1


def test_the_pin_is_not_stored(world: World) -> None:
    ana, bia = world.open_account(), world.open_account(0, "Bia Lima")
    with world.units() as unit:
        hashes = [unit.accounts.pin_hash(account.number) or "" for account in (ana, bia)]
    assert hashes[0] != hashes[1]
    assert all("1234" not in stored.split(":")[1][:8] and len(stored) > 90 for stored in hashes)


def test_blocking_unblocking_and_closing(world: World) -> None:
    ana = world.open_account(10)
    assert world.bank.block_account(account_number=ana.number).status is AccountStatus.BLOCKED
    assert world.bank.unblock_account(account_number=ana.number).status is AccountStatus.ACTIVE
    with pytest.raises(AccountNotEmpty):
        world.bank.close_account(account_number=ana.number)
    empty = world.open_account(0, "Bia Lima")
    assert world.bank.close_account(account_number=empty.number).status is AccountStatus.CLOSED
    with pytest.raises(AccountClosed):
        world.bank.unblock_account(account_number=empty.number)
    for act in (world.bank.block_account, world.bank.unblock_account, world.bank.close_account):
        with pytest.raises(AccountNotFound):
            act(account_number="000000-0")
    assert world.balance(ana) == 10


def closed_with_keys(world: World) -> tuple[Account, list[PixKey]]:
    """An account that was closed while the hub was away."""
    ana = world.open_account(0)
    keys = [
        world.bank.register_key(account_number=ana.number, kind=kind, key=key).key
        for kind, key in ((KeyKind.CPF, ana.tax_id), (KeyKind.EMAIL, "ana@aurora.example"), (KeyKind.EVP, ""))
    ]
    world.hub.is_down = True
    assert world.bank.close_account(account_number=ana.number).status is AccountStatus.CLOSED
    world.hub.is_down = False
    return ana, keys


def test_closing_an_account_removes_its_keys_and_its_holder_can_register_them_again(world: World) -> None:
    ana = world.open_account(0)
    email = world.bank.register_key(account_number=ana.number, kind=KeyKind.EMAIL, key="ana@aurora.example").key
    world.bank.close_account(account_number=ana.number)
    with pytest.raises(KeyNotFound):
        world.hub.find_key(email)
    assert world.bank.queries.keys_of(ana.number) == []
    other = world.open_account(0, "Ana Souza")
    world.bank.register_key(account_number=other.number, kind=KeyKind.EMAIL, key="ana@aurora.example")
    assert [entry.key for entry in world.bank.queries.keys_of(other.number)] == [email]


def test_keys_of_an_account_closed_while_the_hub_is_away_are_removed_once_it_answers(world: World) -> None:
    ana, keys = closed_with_keys(world)
    # As yet they can be looked up, and who pays by them is refused.
    assert all(world.hub.find_key(key).name == "Ana Souza" for key in keys)
    offer = replace(world.offer(ana), payee_key=keys[1])
    (answer,) = world.hear(offer)
    assert isinstance(answer, TransferRejected) and answer.reason is ReasonCode.AC07
    world.hub.is_down = True
    with pytest.raises(HubUnavailable):
        world.bank.remove_keys_of_closed_accounts()
    assert {entry.key for entry in world.bank.queries.keys_of(ana.number)} == set(keys)
    world.hub.is_down = False
    world.bank.remove_keys_of_closed_accounts()
    for key in keys:
        with pytest.raises(KeyNotFound):
            world.hub.find_key(key)
    assert world.bank.queries.keys_of(ana.number) == []
    world.bank.remove_keys_of_closed_accounts()


def test_a_removal_that_comes_late_does_not_take_a_key_from_its_next_account(world: World) -> None:
    ana, (_, email, random) = closed_with_keys(world)
    other = world.open_account(0, "Ana Souza")
    # The removal was done and its answer lost; the holder was quick.
    world.hub.remove_key(email)
    world.hub.register_key(other, KeyKind.EMAIL, email.key, "")
    world.bank.remove_keys_of_closed_accounts()
    assert world.hub.find_key(email).name == "Ana Souza"
    with pytest.raises(KeyNotFound):
        world.hub.find_key(random)
    assert world.bank.queries.keys_of(ana.number) == []
    world.bank.reconcile_keys()
    assert [entry.key for entry in world.bank.queries.keys_of(other.number)] == [email]


def test_the_keys_of_open_and_of_the_demos_closed_accounts_stay(world: World) -> None:
    people = {person.story: person.account for person in world.bank.seed_demo_people()}
    ana = people["rich"]
    email = world.bank.register_key(account_number=ana.number, kind=KeyKind.EMAIL, key="souza@aurora.example").key
    world.bank.remove_keys_of_closed_accounts()
    (kept, *_) = world.bank.queries.keys_of(people["closed"].number)
    assert world.hub.find_key(kept.key).name == people["closed"].holder_name
    assert world.hub.find_key(email).name == ana.holder_name


def test_accounts_are_paged(world: World) -> None:
    numbers = [world.open_account(0).number for _ in range(3)]
    first = world.bank.queries.list_accounts(size=2)
    rest = world.bank.queries.list_accounts(after=first.next_cursor, size=2)
    assert [account.number for account in (*first.accounts, *rest.accounts)] == numbers
    assert rest.next_cursor == ""


# Keys


def test_a_key_is_registered_at_the_hub_and_kept(world: World) -> None:
    ana = world.open_account()
    phone = world.bank.register_key(account_number=ana.number, kind=KeyKind.PHONE, key="(11) 98765-4321")
    random = world.bank.register_key(account_number=ana.number, kind=KeyKind.EVP, key="")
    cpf = world.bank.register_key(account_number=ana.number, kind=KeyKind.CPF, key="529.982.247-25")
    assert phone.key == PixKey(KeyKind.PHONE, "+5511987654321")
    assert world.hub.find_key(phone.key).name == "Ana Souza"
    assert {entry.key for entry in world.bank.queries.keys_of(ana.number)} == {phone.key, random.key, cpf.key}
    again = world.bank.register_key(account_number=ana.number, kind=KeyKind.PHONE, key="+5511987654321")
    assert again == phone
    assert len(world.bank.queries.keys_of(ana.number)) == 3


def test_a_key_against_a_rule_is_not_registered(world: World) -> None:
    ana = world.open_account()

    def refusal(kind: KeyKind, key: str, number: str = ana.number) -> SchemeError:
        with pytest.raises(SchemeError) as error:
            world.bank.register_key(account_number=number, kind=kind, key=key)
        return error.value

    assert refusal(KeyKind.CPF, "11144477735").field == "key"
    assert refusal(KeyKind.EMAIL, "no address").field == "key"
    assert refusal(KeyKind.EVP, "00000000-0000-4000-8000-000000000000").field == "key"
    taken = refusal(STRANGERS_KEY.kind, STRANGERS_KEY.key)
    assert isinstance(taken, KeyTaken)
    assert taken.bank_name == IPE.name
    assert isinstance(refusal(KeyKind.EMAIL, "a@b.example", "000000-0"), AccountNotFound)
    world.bank.block_account(account_number=ana.number)
    assert isinstance(refusal(KeyKind.EMAIL, "a@b.example"), AccountBlocked)
    assert world.bank.queries.keys_of(ana.number) == []


def test_a_key_is_removed_in_both_places(world: World) -> None:
    ana, bia = world.open_account(), world.open_account(0, "Bia Lima")
    key = world.bank.register_key(account_number=ana.number, kind=KeyKind.EVP, key="").key
    with pytest.raises(KeyNotFound):
        world.bank.remove_key(account_number=bia.number, key=key)
    with pytest.raises(AccountNotFound):
        world.bank.remove_key(account_number="000000-0", key=key)
    world.hub.is_down = True
    with pytest.raises(HubUnavailable):
        world.bank.remove_key(account_number=ana.number, key=key)
    assert len(world.bank.queries.keys_of(ana.number)) == 1
    world.hub.is_down = False
    world.bank.remove_key(account_number=ana.number, key=key)
    assert world.bank.queries.keys_of(ana.number) == []
    with pytest.raises(KeyNotFound):
        world.hub.find_key(key)


def test_a_removal_whose_answer_was_lost_can_be_repeated(world: World) -> None:
    ana = world.open_account()
    key = world.bank.register_key(account_number=ana.number, kind=KeyKind.EVP, key="").key
    world.hub.remove_key(key)
    world.bank.remove_key(account_number=ana.number, key=key)
    assert world.bank.queries.keys_of(ana.number) == []


def test_local_keys_follow_the_hub_after_a_crash(world: World) -> None:
    ana = world.open_account()
    kept = world.bank.register_key(account_number=ana.number, kind=KeyKind.EMAIL, key="ana@aurora.example")
    gone = world.bank.register_key(account_number=ana.number, kind=KeyKind.PHONE, key="+5511987654321")
    world.clock.turn(60_000)
    world.hub.remove_key(gone.key)
    missed = world.hub.register_key(ana, KeyKind.EVP, "", "a-request")
    world.bank.reconcile_keys()
    assert world.bank.queries.keys_of(ana.number) == [kept, missed]


def test_a_key_registered_while_the_hub_was_asked_is_not_taken_for_gone(world: World) -> None:
    ana = world.open_account()
    new = world.bank.register_key(account_number=ana.number, kind=KeyKind.EMAIL, key="ana@aurora.example")
    world.hub.remove_key(new.key)
    world.bank.reconcile_keys()
    assert world.bank.queries.keys_of(ana.number) == [new]
    world.clock.turn(60_000)
    world.bank.reconcile_keys()
    assert world.bank.queries.keys_of(ana.number) == []


def test_the_payee_is_shown_before_paying(world: World) -> None:
    payee = world.bank.find_payee(key=" Zelia@IPE.example ", kind=None)
    assert (payee.name, payee.bank_name, payee.key) == ("Zélia Duncan Moreira", IPE.name, STRANGERS_KEY)
    assert world.bank.find_payee(key="zelia@ipe.example", kind=KeyKind.EMAIL) == payee
    with pytest.raises(KeyNotFound):
        world.bank.find_payee(key="nobody@ipe.example", kind=None)
    with pytest.raises(SchemeError) as refusal:
        world.bank.find_payee(key="not a key", kind=None)
    assert refusal.value.field == "key"
    world.hub.is_down = True
    with pytest.raises(HubUnavailable):
        world.bank.find_payee(key="zelia@ipe.example", kind=None)


def test_eleven_digits_that_are_two_keys_must_say_which(world: World) -> None:
    digits = "11987654374"
    keys = [PixKey(KeyKind.CPF, digits), PixKey(KeyKind.PHONE, f"+55{digits}")]
    first = world.hub.payees[STRANGERS_KEY]

    def known(key: PixKey) -> Payee:
        return Payee(key, first.name, first.tax_id_masked, first.holder_kind, first.ispb, "002", IPE.name)

    world.hub.payees[keys[1]] = known(keys[1])
    assert world.bank.find_payee(key=digits, kind=None).key == keys[1]
    world.hub.payees[keys[0]] = known(keys[0])
    with pytest.raises(SchemeError) as refusal:
        world.bank.find_payee(key=digits, kind=None)
    assert refusal.value.field == "kind"
    assert world.bank.find_payee(key=digits, kind=KeyKind.CPF).key == keys[0]


# The bank and the hub


def test_each_funding_is_booked_once(world: World) -> None:
    world.hub.fundings += [SettlementFunding("f-1", 1_000_00, 5), SettlementFunding("f-2", -200_00, 6)]
    world.bank.mirror_settlement()
    world.bank.mirror_settlement()
    books = world.bank.queries.books()
    assert (books.settlement_centavos, books.capital_centavos) == (800_00, 800_00)
    world.hub.fundings.append(SettlementFunding("f-3", 1_00, 7))
    world.bank.mirror_settlement()
    assert world.bank.queries.books().settlement_centavos == 801_00
    assert world.bank.queries.books().is_balanced
    assert world.bank.queries.settlement_at_hub().balance_centavos == 801_00


def test_the_bank_joins_and_knows_the_others_by_name(world: World) -> None:
    world.bank.join_network()
    assert world.hub.features == {"returns", "manu", "batches"}
    world.hub.participants[IPE.ispb] = Participant(IPE.ispb, IPE.code, IPE.name, IPE.color, "", True)
    world.bank.meet_participants()
    world.bank.meet_participants()
    assert [bank.name for bank in world.bank.queries.participants().values()] == ["Banco Aurora", "Banco Ipê"]
    ana = world.open_account(0)
    offer = world.offer(ana)
    world.hear(offer, world.confirmed(offer))
    (line,) = world.bank.queries.statement(ana.number).lines
    assert line.counterpart_bank == "Banco Ipê"


# Demo people


def test_demo_people_tell_their_stories(world: World) -> None:
    people = {person.story: person.account for person in world.bank.seed_demo_people()}
    assert set(people) == {"rich", "broke", "company", "blocked", "closed", "everyday"}
    assert people["broke"].balance_centavos == 0
    assert people["rich"].balance_centavos > 1_000_000_00
    assert people["company"].holder_kind is HolderKind.COMPANY
    assert people["blocked"].status is AccountStatus.BLOCKED
    assert people["closed"].status is AccountStatus.CLOSED
    kinds = {entry.key.kind for account in people.values() for entry in world.bank.queries.keys_of(account.number)}
    assert kinds == set(KeyKind)
    assert all(world.bank.queries.keys_of(account.number) for account in people.values())
    assert world.bank.sign_in(account_number=people["rich"].number, pin="1234") == people["rich"]
    assert world.bank.queries.books().is_balanced


def test_seeding_twice_changes_nothing(world: World) -> None:
    people = world.bank.seed_demo_people()
    rich = people[0].account
    world.pay(rich, 100_00)
    key = world.bank.queries.keys_of(rich.number)[0].key
    world.bank.remove_key(account_number=rich.number, key=key)
    books = world.bank.queries.books()
    keys = world.bank.queries.keys_of(rich.number)
    again = world.bank.seed_demo_people()
    assert [person.account.number for person in again] == [person.account.number for person in people]
    assert world.bank.queries.books() == books
    assert world.bank.queries.keys_of(rich.number) == keys


def test_seeding_goes_on_where_the_hub_was_lost(world: World) -> None:
    world.hub.is_down = True
    with pytest.raises(HubUnavailable):
        world.bank.seed_demo_people()
    world.hub.is_down = False
    people = world.bank.seed_demo_people()
    assert len(people) == len(stories_of("001"))
    deposits = sum(story.deposit_centavos for story in stories_of("001"))
    assert world.bank.queries.books().deposits_centavos == deposits


def test_a_demo_key_that_somebody_has_is_left_to_them(world: World) -> None:
    taken = PixKey(KeyKind.EMAIL, "bruno@aurora.example")
    stranger = world.hub.payees[STRANGERS_KEY]
    world.hub.payees[taken] = Payee(
        taken, stranger.name, stranger.tax_id_masked, stranger.holder_kind, IPE.ispb, IPE.code, IPE.name
    )
    people = {person.story: person.account for person in world.bank.seed_demo_people()}
    assert world.bank.queries.keys_of(people["broke"].number) == []


@pytest.mark.parametrize("typed", ["ZELIA", "zélia", "almoco", "banco ipe", "30", "R$ 30,00", "-30,00"])
def test_the_statement_is_searched_as_people_type(world: World, typed: str) -> None:
    ana = world.open_account(100_00)
    world.bank.meet_participants()
    transfer = world.pay(ana, 30_00)
    lines = world.bank.queries.statement(ana.number, StatementFilter(search=typed)).lines
    assert [line.end_to_end_id for line in lines] == [transfer.end_to_end_id]
    found = world.bank.queries.list_transfers(search=typed.replace("banco ipe", "Duncan")).transfers
    assert [each.end_to_end_id for each in found] == [transfer.end_to_end_id]
    by_id = world.bank.queries.statement(
        ana.number, StatementFilter(search=transfer.end_to_end_id[12:24].lower())
    ).lines
    assert [line.end_to_end_id for line in by_id] == [transfer.end_to_end_id]
    assert world.bank.queries.statement(ana.number, StatementFilter(search="nobody")).lines == ()


def test_a_search_comes_in_pages(world: World) -> None:
    ana = world.open_account(100_00)
    ids = [world.pay(ana, 1_00, f"order {number}").end_to_end_id for number in range(5)]
    narrow = StatementFilter(search="zelia")
    first = world.bank.queries.statement(ana.number, narrow, size=2)
    second = world.bank.queries.statement(ana.number, narrow, first.next_cursor, size=2)
    third = world.bank.queries.statement(ana.number, narrow, second.next_cursor, size=2)
    seen = [line.end_to_end_id for page in (first, second, third) for line in page.lines]
    assert seen == ids[::-1] and third.next_cursor == ""
