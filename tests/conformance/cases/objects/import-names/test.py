import test_driver
from test_driver import logger
from test_driver.config import Config
from test_driver.debug import DebugAbstract
from test_driver.driver import Driver
from test_driver.duration import Duration
from test_driver.efi import EfiVariable
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.logger import AbstractLogger, Logger, LogLevel
from test_driver.machine import CHAR_TO_KEY, BaseMachine, Machine, NspawnMachine, QemuMachine
from test_driver.machine import ocr, retry
from test_driver.machine.qmp import QMPAPIError, QMPSession
from test_driver.polling_condition import PollingCondition, PollingConditionError
from test_driver.vlan import VLan

assert isinstance(driver, Driver) and isinstance(Config, type)
assert isinstance(machine, Machine) and isinstance(log, AbstractLogger)
assert isinstance(debug, DebugAbstract) and logger.Logger is Logger
assert CHAR_TO_KEY["A"] == "shift-a" and os.path.exists(
    os.path.join(os.path.dirname(test_driver.__file__), "py.typed")
)
for error in (MachineError, RequestedAssertionFailed, QMPAPIError, PollingConditionError):
    assert issubclass(error, Exception)
assert isinstance(machine.qmp_client, QMPSession) if machine.start() else True
