import os
import signal
import threading
import time

machine.succeed("true")


def interrupts(call):
    begun = threading.Event()

    def interrupt():
        begun.wait()
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    begin = time.monotonic()
    with t.assertRaises(KeyboardInterrupt):
        begun.set()
        call()
    assert time.monotonic() - begin < 50


interrupts(lambda: machine.succeed("sleep 60"))
interrupts(lambda: machine.wait_until_succeeds("false"))
interrupts(lambda: machine.wait_for_console_text("never"))
interrupts(lambda: machine.wait_for_qmp_event(lambda event: False))
interrupts(lambda: machine.wait_for_shutdown())
interrupts(lambda: machine.sleep(60))
assert machine.succeed("echo in step") == "in step\n"
