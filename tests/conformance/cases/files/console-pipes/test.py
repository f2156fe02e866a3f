chatty = create_machine(f"echo Disk image does not exist, creating; exec {os.environ['START']}", name="machine2")
chatty.log("a start script may say what it does")
import os
import stat

machine.start()
for number in (0, 1):
    assert stat.S_ISFIFO(os.stat(f"/proc/{machine.pid}/fd/{number}").st_mode)
machine.send_console("root\n")
retry(lambda _: (machine.state_dir / "typed").exists(), 10)
chatty.start()
log.log_serial("Disk image does not exist, creating", "machine")
chatty.crash()
