"""Chats as files: exported in four forms, imported from our own, ChatGPT's, Claude's and trainers' files."""
