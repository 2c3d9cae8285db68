"""Layer 2. OCI images: name, fetch, keep, unpack. Knows no containers."""
