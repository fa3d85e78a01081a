"""The neural recommender with a head, or with a network of the user's own; needs torch."""

from abbotify.recommenders.neural_torch.fit import check, fit
from abbotify.recommenders.neural_torch.serve import lowered

__all__ = ["check", "fit", "lowered"]
