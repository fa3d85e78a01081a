"""Simulator and A/B-testing framework for recommenders."""

__version__ = "0.1.0"
