"""The whole system on one machine: NATS, PostgreSQL, gateway and workers under one supervisor."""
