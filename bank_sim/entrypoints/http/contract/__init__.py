"""The contract of docs/bank-contract.md: what `codepix conform` and `codepix league` drive and read a bank by.

Without sign-in, so a setting switches it on, and only on the loopback address.
"""

from bank_sim.entrypoints.http.contract import driving, reading

CONTRACT_ROUTERS = (reading.router, driving.router)
