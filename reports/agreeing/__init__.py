"""Published figures beside what this project makes of the same trackers' raw results."""
