"""How fast, against what users would write or pick instead, and against what the machine allows: `make bench`."""
