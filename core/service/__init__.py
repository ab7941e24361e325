"""The service: one process a storage that drives every run, and nothing else."""
