machine.wait_for_unit("multi-user.target")
