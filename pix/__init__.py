"""What every participant of the network shares; imports nothing of the hub, the banks or the lab."""
