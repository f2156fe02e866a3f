machine.wait_for_window("libreoffice", 1)
