"""Units of work spread over processes."""
