"""What tests decide in a sandbox: what payers do, and what a bank does by rules."""
