"""`python -m bank_sim` is the participant's command."""

from bank_sim.bootstrap import main

if __name__ == "__main__":
    main()
