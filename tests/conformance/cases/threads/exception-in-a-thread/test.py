from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(max_workers=2) as pool:
    failing = pool.submit(machine.succeed, "exit 3")
    other = pool.submit(machine.succeed, "echo fine")
    assert "exit code 3" in str(failing.exception())
    assert other.result() == "fine\n"
