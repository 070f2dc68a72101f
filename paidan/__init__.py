"""The product: settings, composition, command line, loops, console."""
