import cf_test
from nixos_test_lib import port

cf_test._driver_machine = machine
assert cf_test.run_hook("up") == "up\n"
assert port.PortUtils().free > 0
