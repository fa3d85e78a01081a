"""The user model: scalar kernels that read as arithmetic, called by every engine."""
