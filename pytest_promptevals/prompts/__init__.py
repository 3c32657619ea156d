"""Templates: a case in, a rendered prompt out."""
