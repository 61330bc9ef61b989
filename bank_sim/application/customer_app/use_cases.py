"""The use cases of the bank's app beside paying, put together."""

from __future__ import annotations

from dataclasses import dataclass

from bank_sim.application.customer_app.cash import MoveCash
from bank_sim.application.customer_app.contacts import Contacts
from bank_sim.application.customer_app.devices import Devices
from bank_sim.application.customer_app.news import ReadNews, SumMonths
from bank_sim.application.customer_app.pin import ChangePin
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain import books
from pix.runtime.clock import Clock, SchemeClock


@dataclass(frozen=True, slots=True)
class CustomerApp:
    """What each takes and raises stands at its methods."""

    deposit: MoveCash
    withdraw: MoveCash
    change_pin: ChangePin
    devices: Devices
    contacts: Contacts
    news: ReadNews
    sum_months: SumMonths


def compose_customer_app(units: UnitsOfWork, scheme_clock: SchemeClock, clock: Clock) -> CustomerApp:
    return CustomerApp(
        deposit=MoveCash(units, scheme_clock, books.deposit),
        withdraw=MoveCash(units, scheme_clock, books.withdrawal),
        change_pin=ChangePin(units),
        devices=Devices(units, clock),
        contacts=Contacts(units, scheme_clock),
        news=ReadNews(units),
        sum_months=SumMonths(units, scheme_clock),
    )
