"""``python -m fastkm`` is the command ``fastkm``."""

from fastkm.cli.commands import main

if __name__ == "__main__":
    main()
