"""One module per verb, each the story of its step; ``attempts`` is what they have in common."""
