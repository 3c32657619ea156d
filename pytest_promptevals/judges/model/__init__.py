"""Judges that ask a model: what they say to it, and how they read its answer."""
