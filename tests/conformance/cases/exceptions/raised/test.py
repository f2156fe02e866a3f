def find_interface(name):
    try:
        return {"eth0": 0}[name]
    except KeyError as error:
        raise RuntimeError(f"no interface {name}") from error


machine.start()
find_interface("eth1")
