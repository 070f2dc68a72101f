"""One module a page; each handler reads, renders, and leaves doing to the front desk."""
