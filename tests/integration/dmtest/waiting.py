"""Waiting for a condition, and how long an outage or a load lasts."""
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


def lasts(seconds):
    """For so long an outage, a stall or a load that the test makes goes on, while others do what they do meanwhile. Nothing is waited for
    by it: what is to have happened afterwards is waited for with `wait_for`, or asserted of any moment."""
    time.sleep(seconds)
