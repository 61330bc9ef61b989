"""The bank over HTTP: pages for people and REST for programs, on the same application."""
