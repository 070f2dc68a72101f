"""``python -m paidan.cli``."""

from paidan.cli import main

main()
