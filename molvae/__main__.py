"""``python -m molvae`` is the command ``molvae``."""

from molvae.cli import main

if __name__ == "__main__":
    main()
