"""`python -m lab` is the `codepix` command."""

from lab.cli import main

if __name__ == "__main__":
    main()
