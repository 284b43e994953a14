"""Search for molecules with high scores: what is proposed, what is asked, what was learned."""
