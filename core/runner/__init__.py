"""One attempt: take the run, do the stage's units, publish, say how it ended."""
