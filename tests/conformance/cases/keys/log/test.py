machine.start()
machine.send_chars("ls\n")
machine.send_key("ctrl-alt-f2")
machine.send_key("x", log=False)
