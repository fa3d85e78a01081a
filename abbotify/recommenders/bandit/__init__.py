"""Recommenders that learn from each answer."""
