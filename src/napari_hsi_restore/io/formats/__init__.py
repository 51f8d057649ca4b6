"""One file format a module: sniff, claim, read, write."""
