"""How a model is asked: transports, concurrency, retries, progress."""
