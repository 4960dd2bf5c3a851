"""What trained trials show of whether an ablation took effect: pure functions of plan, records and predictions."""
