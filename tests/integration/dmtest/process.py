"""One child process with a log file, stopped by its pid."""
import os
import signal
import subprocess


class Process:
    """Whoever ends it finds out if it had ended by itself before: that fails, unless `wait` has returned the code."""

    def __init__(self, name, argv, log, env=None, cwd=None):
        self.name, self.argv, self.log = name, [str(a) for a in argv], str(log)
        self.env, self.cwd = env, cwd
        self.child = None

    def start(self):
        assert not self.alive(), f"{self.name} runs already"
        out = open(self.log, "ab")
        self.child = subprocess.Popen(
            self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.cwd,
            env={**os.environ, **(self.env or {})}, start_new_session=True)
        out.close()

    def alive(self):
        return self.child is not None and self.child.poll() is None

    @property
    def pid(self):
        return self.child.pid

    def send(self, number):
        if self.alive():
            os.kill(self.child.pid, number)

    def kill9(self):
        """Ends it as a crash would."""
        if self.child:
            self.send(signal.SIGKILL)
            try:
                self._judge(self.child.wait(60))
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{self.name} (pid {self.child.pid}) did not end within 60 s of SIGKILL") from None

    def wait(self, timeout=60):
        """Waits for its end; the exit code is the caller's to judge."""
        code = self.child.wait(timeout)
        self.child = None
        return code

    def _judge(self, code):
        assert code in (0, -signal.SIGKILL, -signal.SIGTERM), f"{self.name} (pid {self.child.pid}) ended with code {code}:\n{self.tail()}"
        return code

    def stop(self, timeout=60):
        """Orderly end; returns the exit code (None if it never ran)."""
        if self.child is None:
            return None
        self.send(signal.SIGTERM)
        try:
            return self._judge(self.child.wait(timeout))
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"{self.name} (pid {self.child.pid}) did not end within {timeout} s of SIGTERM") from None

    def tail(self, lines=40):
        try:
            with open(self.log, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except FileNotFoundError:
            return ""
