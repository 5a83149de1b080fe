"""Modbus lines: timing, frames, connections and their errors. Knows nothing of meters."""
