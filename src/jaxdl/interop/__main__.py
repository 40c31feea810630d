"""The command ``python -m jaxdl.interop``."""

import sys

from jaxdl.interop._command import main

if __name__ == "__main__":
    sys.exit(main())
