"""`python -m bank_sim` is the service's own command."""

from bank_sim.entrypoints.cli import main

if __name__ == "__main__":
    main()
