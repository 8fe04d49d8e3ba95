"""``python -m exciton``."""

import sys

from exciton.cli import main

if __name__ == "__main__":
    sys.exit(main())
