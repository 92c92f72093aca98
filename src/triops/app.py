"""The composition root: settings -> adapters -> services -> loop -> edges."""
