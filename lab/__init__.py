"""The lab: runs, breaks, measures and audits a whole CodePix network on one machine."""
