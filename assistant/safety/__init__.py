"""What is checked for safety, what is not, and how a model does in a few probes."""
