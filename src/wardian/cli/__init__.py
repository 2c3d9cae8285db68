"""Layer 5. The thin skin: words in, one engine call, lines out."""
