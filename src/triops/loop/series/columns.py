"""State in columns: one numpy array a field, one row a slot, grown by doubling up to a bound."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt


class Columns:
    """A subclass lists its fields in `FIELDS`: name -> (dtype, width or 0, value of a fresh slot)."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {}

    def __init__(self, rows: int = 64) -> None:
        self.rows = 0
        self.ensure(rows)

    def ensure(self, rows: int) -> None:
        """Room for slots 0 to `rows` - 1; the bound is kept by whoever hands out slots."""
        if rows <= self.rows:
            return
        size = max(64, 1 << (rows - 1).bit_length())
        for name, (dtype, width, fresh) in self.FIELDS.items():
            grown: npt.NDArray[Any] = np.full((size, width) if width else size, fresh, dtype)
            if self.rows:
                grown[: self.rows] = getattr(self, name)
            setattr(self, name, grown)
        self.rows = size

    def clear(self, slots: npt.NDArray[np.int64]) -> None:
        """Make slots fresh again: their series is gone, or is learned anew."""
        for name, (_, _, fresh) in self.FIELDS.items():
            getattr(self, name)[slots] = fresh
