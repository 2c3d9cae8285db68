"""Layer 2. One OCI specification in, one plan out; and the launcher that plays it."""
