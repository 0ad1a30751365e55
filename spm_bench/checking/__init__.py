"""What is wrong with raw results: findings with file, line and remedy, before anybody trusts a score."""
