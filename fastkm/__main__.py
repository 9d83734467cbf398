"""``python -m fastkm`` is the command ``fastkm``."""

from fastkm.cli.app import main

if __name__ == "__main__":
    main()
