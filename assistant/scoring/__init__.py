"""What are answers worth? Scores of the user, scores by rule, and how far the two agree."""
