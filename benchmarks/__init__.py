"""Speed side by side with what it is compared to: `python -m benchmarks.NAME`. Ratios of one run, never timed tests."""
