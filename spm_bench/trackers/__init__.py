"""Who tracks: per-frame algorithms behind one interface of two methods."""
