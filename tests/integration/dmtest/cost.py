"""What processes cost: CPU and memory, by /proc. A busy machine changes neither by much."""
import os


def children(pid):
    """Processes that it has started, and so on, and itself."""
    found = [pid]
    for known in found:
        try:
            for task in os.listdir(f"/proc/{known}/task"):
                with open(f"/proc/{known}/task/{task}/children") as f:
                    found += map(int, f.read().split())
        except FileNotFoundError:
            pass  # it has ended
    return found


def cpu_seconds(*pids):
    """Of user and system, of these processes since their start."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    """The most memory that the process had since its start or `forget_peak`."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("5")
