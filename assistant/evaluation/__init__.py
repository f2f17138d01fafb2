"""How good are the answers? Sets of questions with known answers, runs of them, and reports that compare."""
