"""Alarms: what an owner wants to hear of, when it begins and when it ends."""
