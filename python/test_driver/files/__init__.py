"""Copies of files and trees between the host and machines."""
