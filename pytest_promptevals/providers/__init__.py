"""Rendered prompts to responses: one file per provider, all behind the Protocol of ``hookspecs``."""
