"""What makes the pages: examples are run, tables are computed from the code. See `hook`."""
