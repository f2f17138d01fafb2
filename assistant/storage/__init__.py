"""What is kept: one SQLite database, its migrations, and the stores on it."""
