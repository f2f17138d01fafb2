"""Documents to passages: read files, split them, embed them, find them again."""
