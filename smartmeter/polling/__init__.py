"""From due measurands to readings: which blocks, when, and the loop of each meter."""
