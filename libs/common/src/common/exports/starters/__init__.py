"""Runnable starters: one Python file per framework, with the network's agents, tool stubs, wiring and bounds.

Text of users enters the generated source only as string literals and comments (`tables`), never as code.
"""
