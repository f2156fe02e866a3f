machine.copy_from_machine("/no/such/file")
