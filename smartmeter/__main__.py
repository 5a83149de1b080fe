"""`python -m smartmeter`."""

import sys

from smartmeter.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
