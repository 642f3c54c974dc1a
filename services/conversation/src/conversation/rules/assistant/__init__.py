"""The chat assistant without a model: reads the record, answers from it, says where it stands."""
