"""Speed side by side with what it is compared to: `python benchmarks/NAME.py`. Ratios of one run, never timed tests."""
