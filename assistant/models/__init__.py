"""Model files: where the embedded one lies and what a GGUF says of itself."""
