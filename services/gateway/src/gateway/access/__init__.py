"""Who may: API keys, tickets for streams, what each scope opens, and how often."""
