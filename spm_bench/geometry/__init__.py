"""Boxes, polygons, overlaps, crops: arrays in, arrays out, no state."""
