"""From an interpretation to a network: `planning.plan` is the way in, `data` holds the professions it knows."""
