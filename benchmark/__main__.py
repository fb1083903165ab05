"""``python -m apprehend.benchmark`` is ``apprehend``."""

from .cli import main

if __name__ == "__main__":
    main()
