"""Other tools' files -> eval files. One module for each foreign format, and what they share."""
