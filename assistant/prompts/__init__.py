"""The prompt library: prompts with typed variables and examples, as they are written, stored and used."""
