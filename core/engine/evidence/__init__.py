"""Did each ablation take effect? What fixed batches show before training: one question a file."""
