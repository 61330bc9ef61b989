"""Kafka clients behind the ports of `pix.messaging`."""
