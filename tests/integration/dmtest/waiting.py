"""Waiting for a condition."""
import time


def wait_for(condition, what, timeout=60, interval=0.05):
    """Calls `condition` until it answers something true and returns that; fails with `what` and the last answer."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {text}")
        time.sleep(interval)
