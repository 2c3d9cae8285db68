"""Layer 4. Functions in sandboxes: a pickled call goes in, plain data comes back."""
