"""``python -m apprehend.benchmark`` is ``apprehend``."""

from .cli.main import main

if __name__ == "__main__":
    main()
