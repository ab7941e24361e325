"""Ways to tell somebody who is not looking: each behind one protocol, none of which knows what it tells."""
