"""What the Hydra apps in train/ and evaluate/ share, and what each of them does (top layer)."""
