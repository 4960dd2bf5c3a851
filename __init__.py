"""butfor: but for this part, would the result still stand? Ablation studies for multimodal models."""
