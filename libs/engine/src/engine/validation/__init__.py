"""The engine against closed forms: `python -m engine.validation ORACLES.json` prints a report of fresh seeds."""
