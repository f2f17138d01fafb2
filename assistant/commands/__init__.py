"""The shell's commands, one file a subject: each adds its parsers and runs."""
