"""Contract objects in, rich renderables out. Nothing here prints, waits, or knows HTTP."""
