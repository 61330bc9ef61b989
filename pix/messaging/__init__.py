"""The order of a consumer (poll, transaction, publish, commit), its ports, and Kafka behind them."""
