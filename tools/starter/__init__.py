"""Builds what the starter adapter learns from; a tool of the house, never imported by the product."""
