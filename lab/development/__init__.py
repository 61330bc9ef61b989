"""Programs that developers run through `make`; they need the packages of the `dev` extra."""
