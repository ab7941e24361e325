"""Where attempts are made: the port, and the engines behind it."""
