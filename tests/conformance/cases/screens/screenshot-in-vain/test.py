machine.start()
machine.screenshot("/nowhere/at/all.png")
