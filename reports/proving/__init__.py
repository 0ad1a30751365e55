"""What `reports/proof.py` is made of: cells (run or read, then scored), comparisons with intervals, tables, figures."""
