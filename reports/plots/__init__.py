"""Plots of a study, one kind a file. matplotlib is loaded here and nowhere else, so that tables do not pay for it."""
