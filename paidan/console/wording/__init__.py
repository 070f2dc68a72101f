"""The console's catalogue: pages, the trade's names, errors."""
