"""What the Hydra apps in train/ and evaluate/ share, and what each of them runs (top layer)."""
