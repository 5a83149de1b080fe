"""What the user wrote, validated and frozen.

`model` holds the settings as the whole program uses them, `load` makes them from a file of either format.
"""
