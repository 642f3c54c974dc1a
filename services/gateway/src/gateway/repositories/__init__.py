"""All SQL of the gateway: one class per table group, on a connection whose transaction the caller owns."""
