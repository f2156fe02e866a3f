machine.wait_for_unit("nobody-knows-it.service")
