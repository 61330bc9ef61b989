"""`python -m hub` is the service's own command."""

from hub.entrypoints.cli import main

if __name__ == "__main__":
    main()
