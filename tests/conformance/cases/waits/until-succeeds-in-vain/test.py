machine.wait_until_succeeds("cat /nonexistent", timeout=1)
