"""What the conversation worker knows, free of transport: the assistant and the deliberation."""
