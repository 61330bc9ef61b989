"""What the hub and the banks both are: dead letters, settings, process, telemetry, observers."""
