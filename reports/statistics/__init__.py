"""Statistics of a study: pure functions on arrays; the last axis is always the blocks (seeds or folds)."""
