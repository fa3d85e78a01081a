"""The bilinear network: F(start, track, user) = (start + user) . track, trained without torch."""

from abbotify.recommenders.neural.fit import fit
from abbotify.recommenders.neural.serve import lowered

__all__ = ["fit", "lowered"]
