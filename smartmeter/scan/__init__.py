"""Finds out who answers on a line, how the line is set for them, and what models they probably are. Reads only."""
