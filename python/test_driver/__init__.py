"""The Python side of the NixOS test driver: what only Python can shape.

Machines, networks and the log are made in C++ (module ``_ntd``); this package gives them the names
and forms that test scripts know, and runs the scripts.
"""
