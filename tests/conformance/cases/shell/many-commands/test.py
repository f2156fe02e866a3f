for number in range(300):
    assert machine.succeed(f"echo {number}") == f"{number}\n"
