import queue
import re


def wait_for_console_text(self, regex):
    self.log(f"waiting for {regex} to appear on console")
    seen = ""

    def found(_):
        nonlocal seen
        try:
            while True:
                seen += self.last_lines.get(block=False) + "\n"
        except queue.Empty:
            pass
        return re.search(regex, seen)

    retry(found, 15)


machine.succeed("echo mounted by nfs >&2")
wait_for_console_text(machine, "mounted by .fs")
