"""How long a judgement is kept."""

# What was made at one moment must not end at one moment: all of it would be made anew at once.
SPREAD = 0.1


def lifetime_s(ttl_s: float, share: float) -> float:
    """Between 0.9 and 1.1 of ttl_s. share: from 0 to 1, drawn anew for each entry."""
    return ttl_s * (1.0 - SPREAD + 2.0 * SPREAD * share)
