import threading

# Something happens on the host while the driver waits, as a person at a device would do it.
marker = f"{os.getcwd()}/pressed"
timer = threading.Timer(0.3, lambda: open(marker, "w").close())
timer.start()
machine.wait_for_file(marker, timeout=15)
timer.join()
