"""Stands by a process and ends it by SIGALRM, so many seconds after a first byte on standard input: see ending.py.

`python guard.py PID SECONDS`. Ends when that process has, or closes its standard input.
"""

import os
import select
import signal
import sys
import time


def main() -> None:
    process, seconds = int(sys.argv[1]), float(sys.argv[2])
    if not os.read(0, 1):
        return
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([0], [], [], left)[0] and not os.read(0, 100):
            return
    # Another process may have got its number since.
    if os.getppid() == process:
        os.kill(process, signal.SIGALRM)


if __name__ == "__main__":
    main()
