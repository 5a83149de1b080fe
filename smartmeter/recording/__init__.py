"""What went over a line, as a file that can be sent, and what was asked and answered in it. Knows nothing of meters."""
