"""Layer 1. What Linux can do: one file per mechanism, no policy, no knowledge of containers."""
