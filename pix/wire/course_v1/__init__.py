"""The wire of the original CodePix course: JSON over Kafka without keys, headers or signatures."""
