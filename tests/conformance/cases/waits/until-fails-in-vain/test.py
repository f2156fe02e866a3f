machine.wait_until_fails("true", timeout=1)
