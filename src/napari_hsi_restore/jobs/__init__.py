"""Long tasks in a child process: a request in, events out, cancel, a clean end.

The child takes one request a line on its standard input and prints one event a
line (`protocol`). Arrays travel as memory-mapped files in a private folder
(`transfer`). `client` is the side of the caller, `child` the other one.
"""
