"""`python -m relengtools`."""

from relengtools.cli import main

if __name__ == "__main__":
    main()
