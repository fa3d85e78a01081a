"""The `abbotify` command and `python -m abbotify`.

Apart from `cli.py`: processes that share the work import the module of the command that started
them, and need none of the command line.
"""


def main() -> None:
    """Runs the command line."""
    from abbotify.cli import commands

    commands.process()


if __name__ == "__main__":
    main()
