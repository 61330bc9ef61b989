"""`python -m lab` is the `codepix` command."""

import gc

if __name__ == "__main__":
    # What is imported stays: to look for garbage among it takes a sixth of the start.
    gc.disable()
    from lab.cli import main

    gc.enable()
    main()
