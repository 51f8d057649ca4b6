"""One published network a file."""
