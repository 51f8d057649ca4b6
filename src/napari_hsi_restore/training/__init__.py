"""Training of the bundled networks: patches, loop, checkpoints."""
