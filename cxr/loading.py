"""While a command loads, which takes seconds, Ctrl-C ends it at once: a traceback of imports tells nobody anything."""

import signal
import sys


def end_at_once() -> None:
    """To be called where the package of a command begins. `ending.run` hears Ctrl-C from then on; programs that import
    the package, and what `nohup` has asked for, stay as they are.
    """
    # So Python calls itself while it looks for the module of `python -m`.
    if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
