"""The STAS search space: genotypes and the operations that they name."""
