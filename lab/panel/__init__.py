"""The lab's panel: a web server of the lab itself, which lives while the network does not."""
