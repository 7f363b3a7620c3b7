"""Free TCP ports on the loopback address, handed out once per run."""
import fcntl
import os
import socket
import tempfile

_COUNTER = os.path.join(tempfile.gettempdir(), "dm-tests-port")
_FIRST, _LAST = 21000, 31000


def free_port():
    """A port that nobody listens on and that no other test process of this machine was given lately."""
    with open(_COUNTER, "a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        text = counter.read().strip()
        port = int(text) if text else _FIRST
        for _ in range(_FIRST, _LAST):
            port = port + 1 if port < _LAST else _FIRST
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                    break
                except OSError:
                    continue
        else:
            raise AssertionError(f"no port from {_FIRST} to {_LAST} is free")
        counter.seek(0)
        counter.truncate()
        counter.write(str(port))
        return port
