"""Documents people work with, made on demand from what was published: the same files give the same bytes."""
