"""Run folders: provenance, raw files in the toolkits' own formats, resume."""
