"""Fusions of all modalities into one vector."""
