"""What spans experiments: run the grid, show it."""

from cxr.loading import end_at_once

end_at_once()
