machine.connect()
other.connect()


def record(name, before):
    def execute(command, *args, **kwargs):
        print(f"{name}: {command}")
        return before(command, *args, **kwargs)

    return execute


for host in machines:
    host.execute = record(host.name, host.execute)
