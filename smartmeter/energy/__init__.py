"""Energy from counters: what false values, resets and gaps mean, and what it costs. Nothing here reads or writes."""
