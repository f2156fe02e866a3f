machine.start()
machine.wait_for_text("Goodbye", timeout=1)
