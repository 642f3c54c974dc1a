"""Conversations in the gateway: what is kept, how the floor is given, how they are found again."""
