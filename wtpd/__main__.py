"""`python -m wtpd` is `wtpd`."""

from wtpd.cli.main import main

if __name__ == "__main__":
    main()
