"""How sure we are: intervals, the seeded bootstrap, and results made of scores."""
