"""The conformance kit: examines a stranger's bank through public interfaces only. README.md says how to add a case."""
