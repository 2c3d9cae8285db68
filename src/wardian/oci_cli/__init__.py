"""Layer 5. wardian-oci: runc's command line, kept lean."""
