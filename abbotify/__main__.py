"""``python -m abbotify``: the same program as the ``abbotify`` command."""

from abbotify.cli import main

if __name__ == "__main__":
    main()
