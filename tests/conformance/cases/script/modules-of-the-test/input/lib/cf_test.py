_driver_machine = None


def run_hook(text):
    return _driver_machine.succeed(f"echo {text}")
