"""Radiographs, splits, networks and statistics: functions of arrays, free of project paths."""
