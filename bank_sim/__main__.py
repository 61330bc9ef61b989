"""`python -m bank_sim` is the participant's command."""

import gc

if __name__ == "__main__":
    # What is imported stays: to look for garbage among it takes a sixth of the start.
    gc.disable()
    from bank_sim.bootstrap import main

    gc.enable()
    main()
