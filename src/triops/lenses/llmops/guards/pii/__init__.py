"""Personal data in free text: what checks itself or is written in a form of its own, and names in their context.

Public: `Pii`, `Reading`, `TYPES`.
"""

from triops.lenses.llmops.guards.pii.detector import TYPES, Pii, Reading

__all__ = ["TYPES", "Pii", "Reading"]
