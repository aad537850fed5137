"""`python -m ntc`."""

import sys

from ntc.cli import main

sys.exit(main())
