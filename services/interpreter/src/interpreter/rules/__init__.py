"""The deterministic reading of a scenario: `reading.interpret` is the way in, `lexicon` holds the words it knows."""
