"""What is true and what happens next, decided without a disk, a clock or dice."""
