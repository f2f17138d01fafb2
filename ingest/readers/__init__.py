"""Readers, one file a format: path to Document."""
