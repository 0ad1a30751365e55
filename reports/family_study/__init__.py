"""What `reports/family.py` is made of: the methods, runs and scores, their tables, figures, and the page."""
