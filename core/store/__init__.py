"""Everything that is kept: state files, artifacts, units, journal, locks. Files are the truth."""
