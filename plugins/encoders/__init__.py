"""Encoders of one modality."""
