"""Ways of running trials."""
