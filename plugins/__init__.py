"""The built-in parts; each is written as an outside plugin would be."""
