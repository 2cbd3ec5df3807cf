"""Stops one thread of a process until that ends: `hold_thread.py PID NAME`.

Prints `held` once the thread stands still. Stopping one thread alone is what debuggers do, and needs their right: as root,
or with /proc/sys/kernel/yama/ptrace_scope at 0.
"""

import ctypes
import os
import pathlib
import sys
import time

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
# Waits for threads, too, which are no processes of their own (__WALL of waitpid(2)).
WAIT_ALL = 0x40000000


def thread_of(pid, name):
    """The number of the first thread of this name."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    sys.exit(f"process {pid} has no thread {name}")


def is_alive(pid):
    """Whether the process has not ended; the thread that began it stands for it."""
    state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state not in "ZX"


def main():
    pid, name = int(sys.argv[1]), sys.argv[2]
    thread = thread_of(pid, name)
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(ctypes.c_long(request), ctypes.c_long(thread), None, None) != 0:
            sys.exit(f"cannot stop thread {thread}: {os.strerror(ctypes.get_errno())}")
    os.waitpid(thread, WAIT_ALL)
    print("held", flush=True)
    # Nobody else can reap the process as long as its thread is held.
    while is_alive(pid):
        time.sleep(0.1)


main()
