"""Run the OCI runtime's command line: python -m wardian.oci_cli."""

from wardian.oci_cli.main import main

if __name__ == "__main__":
    main()
