"""Two runs side by side."""

from abbotify.studies.compare.compare import Comparison, compare
from abbotify.studies.compare.runs import compare_runs

__all__ = ["Comparison", "compare", "compare_runs"]
