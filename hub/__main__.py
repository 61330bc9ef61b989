"""`python -m hub` is the participant's command."""

from hub.bootstrap import main

if __name__ == "__main__":
    main()
