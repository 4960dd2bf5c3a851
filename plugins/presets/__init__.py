"""Studies that can be included by name."""
