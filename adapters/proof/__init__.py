"""Whether an adapter is better: metrics, intervals, the general probe, the verdict."""
