"""What Python runs first in each process that a test's project starts, as it finds this folder in PYTHONPATH.

Imports are most of what such a process does, and none of what they make can be collected. With Python's own threshold
it is looked through all the same, again at the end: 15% of the processor time of a study of tiny runs.
"""

import atexit
import gc

gc.set_threshold(100_000, 50, 50)
atexit.register(gc.freeze)
