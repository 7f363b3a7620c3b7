"""Disks that are small, or full."""
import contextlib
import os
import subprocess


class SmallDisk:
    """A file system of its own at a path, in memory; as root. With `with` it is there inside the block."""

    def __init__(self, path, size):
        self.path, self.size = str(path), size

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={self.size},mode=0755", "dm-test", self.path)
        return self

    def __exit__(self, *_):
        # Processes that a failed test has left keep it busy: it goes when they have gone.
        subprocess.run(["umount", "--lazy", self.path], check=True, timeout=60)

    @staticmethod
    def _mount(*args):
        done = subprocess.run(["mount", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode == 0, f"mount {args}: {done.stdout}"

    def remount(self, options):
        self._mount("-o", f"remount,{options}", self.path)

    @property
    def _ballast(self):
        return os.path.join(self.path, "ballast")

    def fill(self, keep=0):
        """Leaves `keep` bytes."""
        with open(self._ballast, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        if keep:
            os.truncate(self._ballast, max(0, os.path.getsize(self._ballast) - keep))

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._ballast)
