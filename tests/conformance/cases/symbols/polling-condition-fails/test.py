from test_driver.polling_condition import PollingConditionError

machine.succeed("true")
healthy = True


@polling_condition(seconds_interval=0)
def healthy_still():
    return healthy


try:
    with healthy_still:
        healthy = False
        machine.succeed("echo not run")
except PollingConditionError as error:
    log.log(f"caught: {error}")


@polling_condition(seconds_interval=0)
def journal_is_clean():
    """The journal has no errors"""
    raise ValueError("an error")


with journal_is_clean:
    machine.succeed("echo not run")
