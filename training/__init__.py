"""Trains the demo's two small CLIP models, `demo-rn` and `demo-vit`, on drawings made by `strata.demo`."""
