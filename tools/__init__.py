"""Tools that make what the product ships; never imported by it."""
