"""A private chat assistant for the terminal: local models, your own documents, your own adapters."""

__version__ = "0.1.0"
