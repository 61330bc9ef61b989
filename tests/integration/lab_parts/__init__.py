"""The parts that the lab starts, each by itself."""
