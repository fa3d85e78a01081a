"""Recommenders behind one seam: tables with a pick rule, or any Python with `recommend`."""

from abbotify.recommenders.answers import ERROR, MISS, OK, checked
from abbotify.recommenders.arms import Arm, Link
from abbotify.recommenders.base import Play, Recommender, Request
from abbotify.recommenders.build import build_arm, build_arms, build_chain
from abbotify.recommenders.candidate_table import (
    HISTORY,
    CandidateTable,
    Key,
    Pick,
    fallback_purpose,
)
from abbotify.recommenders.failures import MOST_KINDS, Failure, FailureBook, merged
from abbotify.recommenders.pick import TablePicker

__all__ = [
    "ERROR",
    "HISTORY",
    "MISS",
    "MOST_KINDS",
    "OK",
    "Arm",
    "CandidateTable",
    "Failure",
    "FailureBook",
    "Key",
    "Link",
    "Pick",
    "Play",
    "Recommender",
    "Request",
    "TablePicker",
    "build_arm",
    "build_arms",
    "build_chain",
    "checked",
    "fallback_purpose",
    "merged",
]
