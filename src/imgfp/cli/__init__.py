"""The program `imgfp` and what the Hydra apps share with it (floor 4)."""
