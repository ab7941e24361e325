"""The seam to the operating system: time, files, processes, network. This is where tests break things."""
