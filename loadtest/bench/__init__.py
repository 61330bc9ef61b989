"""The benchmark: what this machine can do with CodePix, how near that is to the machine's limits, and an audit."""
