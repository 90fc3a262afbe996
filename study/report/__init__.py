"""What a report says, and the pages, tables and figures that say it."""
