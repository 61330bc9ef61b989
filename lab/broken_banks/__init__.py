"""A small bank that is right, and the well-known mistakes that can be planted in it.

`python -m lab.broken_banks` starts the bank by the contract of docs/bank-contract.md; `--defect NAME` plants a mistake.
It keeps its books in one SQLite file. Read `bank.py` first: it has the order of a consumer, in which most of the
mistakes are made. `defects.py` tells the story of each.
"""
