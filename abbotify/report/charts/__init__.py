"""Charts, each a function of the result that returns inline SVG."""
