machine.start()
machine.wait_for_console_text("never to be seen", timeout=1)
