"""Layer 2. Names, digests and documents of images; the protocol that moves them. Keeps nothing."""
