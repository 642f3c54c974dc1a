"""NATS and PostgreSQL from their wheels, for one machine and for tests: how to launch them, nothing that supervises."""
