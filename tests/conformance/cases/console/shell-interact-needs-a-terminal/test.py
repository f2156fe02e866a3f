machine.shell_interact()
