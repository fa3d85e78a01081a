"""Recommenders behind one seam: tables with a pick rule, or any Python with `recommend`."""
