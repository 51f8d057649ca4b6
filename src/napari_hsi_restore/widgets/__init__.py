"""The docks: one file each, wiring the parts to the core."""
