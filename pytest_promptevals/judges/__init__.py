"""Response to score: one file per family of judges."""
