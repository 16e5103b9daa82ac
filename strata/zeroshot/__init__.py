"""Name pictures by text alone: prompts -> text vectors -> logits -> predictions and scores."""
