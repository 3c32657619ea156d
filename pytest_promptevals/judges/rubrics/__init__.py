"""The library of rubric templates: one YAML file each, read when one is used."""
