machine.wait_for_file("/nonexistent/file", 1)
