"""Layer 4. Untrusted programs in boxes: policies, limits, verdicts, violations, evidence."""
