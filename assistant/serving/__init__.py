"""The assistant for other programs: an OpenAI-compatible API on loopback, behind a token."""
