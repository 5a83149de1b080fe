"""What is wrong with a bus: examinations give evidence, and pure functions read findings out of it."""
