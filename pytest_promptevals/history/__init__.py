"""What is kept of a run: the history database, the committed baselines, and what made the run what it was."""
