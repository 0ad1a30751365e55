"""What to track: sequences of frames with ground truth, grouped into named suites."""
