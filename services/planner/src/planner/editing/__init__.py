"""Edits a planned network by commands in plain words."""

from planner.editing.agent import EditorAgent
from planner.editing.editor import edit
from planner.editing.outcome import Edited, EditResult, NeedsAnswer, Refused, Undo

__all__ = ["EditResult", "Edited", "EditorAgent", "NeedsAnswer", "Refused", "Undo", "edit"]
