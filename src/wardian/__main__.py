"""Run the command line: python -m wardian."""

from wardian.cli.main import main

if __name__ == "__main__":
    main()
