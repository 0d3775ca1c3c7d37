"""The executor at work: catalogue versions, attempts, completions, provider states."""
