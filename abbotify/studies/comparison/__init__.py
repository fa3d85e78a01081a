"""Two runs side by side."""

from abbotify.studies.comparison.compare import Comparison, compare
from abbotify.studies.comparison.runs import compare_runs

__all__ = ["Comparison", "compare", "compare_runs"]
