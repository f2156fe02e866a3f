from checks import all_ready

all_ready(machine)
