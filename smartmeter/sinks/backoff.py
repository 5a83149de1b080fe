"""How long to wait before asking again somebody who did not answer."""

FIRST_S = 1.0
LONGEST_S = 60.0

# 2**6 s is already longer than the longest pause; more would only overflow one day.
_LAST_DOUBLING = 6


def backoff_s(failures: int, chance: float) -> float:
    """The pause in seconds after `failures` (1 or more) failures in a row, for a random `chance` in [0, 1).

    Anywhere from 1 s to a limit that doubles from 2 s to 60 s. Drawn from the whole range ("full jitter", M. Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that many who lost one server do not return to it
    in step.
    """
    limit = min(LONGEST_S, FIRST_S * (1 << min(failures, _LAST_DOUBLING)))
    return FIRST_S + chance * (limit - FIRST_S)
