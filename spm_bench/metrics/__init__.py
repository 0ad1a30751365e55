"""Metrics as pure, vectorised functions: per-sequence values first, aggregation second; rules by named convention."""
