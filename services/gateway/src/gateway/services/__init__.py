"""What the gateway does, free of HTTP: each service owns its transactions and commits before it answers."""
