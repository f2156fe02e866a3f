def all_ready(machine):
    raise TimeoutError(f"{machine.name} is not ready")
