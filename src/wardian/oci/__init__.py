"""Layer 2. OCI containers: a bundle in, a container out that lasts until it is deleted."""
