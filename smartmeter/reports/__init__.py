"""Reports of energy and of the quality of the supply: what they say is one thing, how they look another."""
