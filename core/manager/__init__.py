"""Commands, views, dispatch and recovery: everything that decides about runs and batches on real files."""
