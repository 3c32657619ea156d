"""Bytes on disk to plain values that know their lines."""
