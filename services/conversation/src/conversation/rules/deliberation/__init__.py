"""The deliberation: a turn is a pure function of the state; options, scores, objections and ballots are explicit."""
