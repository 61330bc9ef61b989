"""The panel of a cluster: its hosts and links, faults that people inject and undo, and the audit after each."""
