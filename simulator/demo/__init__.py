"""scripts/demo: a house and a Home Assistant that somebody can play with, or one update of all of it without a hand."""
