"""Our trackers inside the got10k and vot toolkits, and trackers written for got10k inside ours."""
