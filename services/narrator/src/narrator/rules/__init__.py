"""The deterministic narrator: spans, logs and metrics of a run, alerts, and the story they tell."""
