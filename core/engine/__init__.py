"""The engine: models, random numbers, and the training of trials."""
