"""Writing to meters: what may be written, what must be done for it, and whether it is there afterwards."""
