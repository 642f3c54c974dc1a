"""What crosses the bus and the public API: one frozen pydantic model per shape.

Import the modules, not this package.
"""
