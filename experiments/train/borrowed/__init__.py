"""What `accelerator.py` is made of: what is taken along, and how fast it went."""
