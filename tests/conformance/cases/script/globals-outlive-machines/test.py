import tempfile


class Disk:
    def __init__(self, owner):
        self.file = tempfile.NamedTemporaryFile()
        self.process = f"/proc/{owner.process.pid}/exe"
        self.exists, self.say = os.path.exists, print

    def __del__(self):
        self.say("disk removed, machine runs:", self.exists(self.process), flush=True)


machine.start()
disk = Disk(machine)
