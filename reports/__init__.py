"""From stored results to tables; needs no torch."""
