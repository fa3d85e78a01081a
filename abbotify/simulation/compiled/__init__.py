"""What the compiled engine is made of: kernels over flat arrays, and rounds of asking Python."""
