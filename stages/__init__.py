"""One module per DVC stage: read, call cxr, write."""
