"""Where readings are shipped to, and what carries them there."""
