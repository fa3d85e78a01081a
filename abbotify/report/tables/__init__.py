"""Tables of a report, as rows of texts."""
