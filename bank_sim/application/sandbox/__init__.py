"""The sandbox: a test decides what a payer and a webhook do."""
