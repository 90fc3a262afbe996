"""One module per DVC stage: read, call cxr, write."""

from cxr.loading import end_at_once

end_at_once()
