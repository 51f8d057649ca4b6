"""Names of the files in the folder of a run; reading this module loads no torch."""

LAST = "last.safetensors"
"""What the run resumes from."""

BEST = "best.safetensors"
"""The weights with the best score so far."""
