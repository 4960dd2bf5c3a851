"""The language: what a study says, where it says it, and the cells it means."""
