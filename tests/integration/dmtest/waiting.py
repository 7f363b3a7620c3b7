"""Waiting for a condition, an end of all waiting, and how long an outage or a load lasts."""
import contextlib
import signal
import threading
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


@contextlib.contextmanager
def within(seconds, what):
    """Fails in the middle of the block if that takes longer, whatever it waits for; again a minute later if it goes on waiting, and so on.
    Only in the main thread."""
    def late(number, frame):
        raise AssertionError(f"not within {seconds} s: {what}")

    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def lasts(seconds):
    """For so long an outage, a stall or a load that the test makes goes on, while others do what they do meanwhile. Nothing is waited for
    by it: what is to have happened afterwards is waited for with `wait_for`, or asserted of any moment."""
    time.sleep(seconds)
