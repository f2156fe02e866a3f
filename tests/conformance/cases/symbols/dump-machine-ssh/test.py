dump_machine_ssh()
