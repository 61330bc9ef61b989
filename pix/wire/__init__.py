"""How messages look outside a participant: topics, headers, encoding and signatures."""
