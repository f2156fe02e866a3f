machine.console_interact()
