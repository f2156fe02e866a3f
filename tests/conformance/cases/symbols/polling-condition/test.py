import datetime

machine.succeed("rm -f down")
asked = []


@polling_condition
def service_is_up():
    "the service is up"
    asked.append(machine.execute("test ! -e down")[0])
    assert asked[-1] == 0


@polling_condition(seconds_interval=0.01, description="a condition of its own")
def often():
    return machine.succeed("echo yes") == "yes\n"


def make(name):
    @polling_condition(interval=datetime.timedelta(milliseconds=1))
    def inner():
        machine.log(f"checking {name}")

    return inner


assert service_is_up.description == "the service is up"
assert often.description == "a condition of its own"
with service_is_up:
    assert machine.succeed("echo x") == "x\n" and asked == [0]
    with often, make("nested"):
        machine.succeed("sleep 0.02", "true")
    machine.wait_until_succeeds("true")
often.wait()
make("waited for").wait(timeout=10)
assert driver.polling_conditions == []
