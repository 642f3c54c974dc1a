"""Words and what they stand for, as tables: phrases separated by semicolons, `..` allows a gap of four words."""
