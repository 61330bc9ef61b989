"""What the developers of CodePix run through `make`; it needs the packages of the `dev` extra."""
