import test_driver
from test_driver import logger
from test_driver.config import DriverConfiguration, MachineConfiguration
from test_driver.config import NspawnMachineConfiguration, QemuMachineConfiguration
from test_driver.debug import Debug, DebugAbstract, DebugNop
from test_driver.display import graphical_display_available
from test_driver.driver import Driver, NodeConfiguration, VHostDeviceVsock, VsockPair
from test_driver.driver import in_nix_sandbox, load_driver_configuration, pythonize_name
from test_driver.duration import Duration, as_seconds, as_timedelta
from test_driver.efi import EfiVariable
from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.logger import AbstractLogger, CompositeLogger, JunitXMLLogger, Logger, LogLevel
from test_driver.logger import TerminalLogger, XMLLogger, rootlog
from test_driver.machine import CHAR_TO_KEY, X11_KEY_ALIASES, BaseMachine, Machine, NspawnMachine
from test_driver.machine import NixStartScript, QemuMachine, QemuStartCommand, StartCommand
from test_driver.machine import make_command, ocr, retry, x11_key_name
from test_driver.machine.qmp import QMPAPIError, QMPSession
from test_driver.polling_condition import PollingCondition, PollingConditionError
from test_driver.vlan import VLan
import test_driver.config, test_driver.driver, test_driver.qmp, test_driver.vsock

assert isinstance(driver, Driver) and isinstance(driver.config, DriverConfiguration)
assert isinstance(machine, Machine) and isinstance(log, AbstractLogger)
assert isinstance(debug, DebugAbstract) and logger.Logger is Logger
assert CHAR_TO_KEY["A"] == "shift-a" and os.path.exists(
    os.path.join(os.path.dirname(test_driver.__file__), "py.typed")
)
for error in (MachineError, RequestedAssertionFailed, QMPAPIError, PollingConditionError):
    assert issubclass(error, Exception)
assert isinstance(machine.qmp_client, QMPSession) if machine.start() else True

with subtest("the same under another name"):
    assert test_driver.qmp.QMPSession is QMPSession
    assert test_driver.vsock.VHostDeviceVsock is VHostDeviceVsock
    assert test_driver.driver.DriverConfiguration is DriverConfiguration
    assert test_driver.config.load_driver_configuration is load_driver_configuration
    assert NodeConfiguration is MachineConfiguration
    for kind in (QemuMachineConfiguration, NspawnMachineConfiguration):
        assert issubclass(kind, MachineConfiguration)
    assert issubclass(Debug, DebugAbstract) and issubclass(DebugNop, DebugAbstract)

with subtest("functions"):
    assert pythonize_name("1-web.example") == "__web_example"
    assert not in_nix_sandbox()
    os.environ["NIX_BUILD_TOP"] = "/build"
    assert in_nix_sandbox()
    os.environ["IN_NIX_SHELL"] = "pure"
    assert not in_nix_sandbox() and not graphical_display_available()
    os.environ["DISPLAY"] = ":0"
    assert graphical_display_available()
    del os.environ["DISPLAY"]
    assert make_command(["echo", "a b", 5]) == "echo 'a b' 5"
    assert X11_KEY_ALIASES["ret"] == "Return" and X11_KEY_ALIASES["meta_l"] == "Super_L"
    assert [x11_key_name(key) for key in ("ctrl-alt-t", "esc", "A", "-", "alt-f2", "x")] == [
        "Control_L+Alt_L+t",
        "Escape",
        "Shift_L+a",
        "minus",
        "Alt_L+F2",
        "x",
    ]
    test_driver.generate_driver_symbols()
    with open("driver-symbols") as file:
        assert "start_all" in file.read().split(",")

with subtest("start commands"):
    script = NixStartScript(str(machine.start_command))
    assert script.machine_name == "machine" and issubclass(QemuStartCommand, StartCommand)
    line = script.cmd("/m", "/q", "/s", allow_reboot=True)
    assert line.startswith(f"exec {machine.start_command} -qmp unix:/q,server=on,wait=off ")
    assert " -monitor unix:/m " in line and "path=/s" in line and "-no-reboot" not in line
    assert "-no-reboot" in script.cmd("/m", "/q", "/s")
    made = QemuMachine(driver.out_dir, driver.tmp_dir, script, log, "made")
    driver.machines_qemu.append(made)
    assert made.succeed("echo up") == "up\n"

with subtest("loggers"):
    rootlog.info("from the root")
    CompositeLogger([TerminalLogger(), Logger()]).info("from several")
    for make in (
        lambda: JunitXMLLogger("elsewhere.xml"),
        lambda: XMLLogger("elsewhere.xml"),
        lambda: CompositeLogger([object()]),
    ):
        with t.assertRaises(ValueError):
            make()
    CompositeLogger().add_logger(JunitXMLLogger(driver.out_dir / "report.xml"))
    XMLLogger(os.environ["LOGFILE"])

with subtest("a configuration of the script's own"):
    with open("empty.py", "w"):
        pass
    own = DriverConfiguration(
        vms={"own": QemuMachineConfiguration(name="host", start_script=machine.start_command)},
        containers={},
        vlans=[],
        global_timeout=as_timedelta(60),
        enable_ssh_backdoor=False,
        test_script="empty.py",
    )
    assert own.global_timeout == as_timedelta(60) and own.seconds == as_seconds(60)
    with Driver(config=own, out_dir=driver.out_dir) as inner:
        assert inner.machines[0].name == "own" and "host" in inner.test_symbols()
