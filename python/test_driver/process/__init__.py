"""The end of the driver's process: wait for the script's threads, run its atexit callbacks."""

from __future__ import annotations

import _thread
import gc
import sys
import time

from test_driver._engine import engine

TYPE_CHECKING = False  # see test_driver/__init__.py
if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from types import ModuleType

UNNAMED = 1.0  # seconds to wait for threads before the log names them
MOST = 10.0  # seconds to wait for them after that


def status_of(end: SystemExit) -> int:
    """The exit status for the argument of sys.exit()."""
    if end.code is None:
        return 0
    return end.code & 0xFF if isinstance(end.code, int) else 1


def leave() -> bool:
    """Wait for threads and run atexit callbacks, as Python does when it exits.

    Returns whether threads are left. If so, the interpreter must not be finalized.
    """
    if module := sys.modules.get("threading"):  # not imported if the script starts no threads
        _wait_for_threads(module)
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if _thread._count() > 0:
        return True
    _let_go_of_machines()
    return False


def _wait_for_threads(module: ModuleType) -> None:
    """Do what threading._shutdown() does, but with a time limit."""
    if not _waited_for(module):
        module._shutdown()
        return
    pools = module.Thread(target=_end_pools, args=(module,), daemon=True)
    pools.start()
    _join(module, pools, UNNAMED)
    if waited_for := _waited_for(module):
        _log(f"waiting {MOST:g} s for non-daemon threads", waited_for)
        _join(module, pools, MOST)
    if left := _waited_for(module):
        _log("non-daemon threads are still running", left)
    elif not pools.is_alive():
        module._shutdown()


def _end_pools(module: ModuleType) -> None:
    """Run the exit callbacks of concurrent.futures, which wait for the worker threads."""
    for function in reversed(module._threading_atexits):
        function()


def _join(module: ModuleType, pools: threading.Thread, most: float) -> None:
    deadline = time.monotonic() + most
    while (left := deadline - time.monotonic()) > 0:
        threads = _waited_for(module) or ([pools] if pools.is_alive() else [])
        if not threads:
            return
        threads[0].join(left)


def _waited_for(module: ModuleType) -> list[threading.Thread]:
    return [
        thread
        for thread in module.enumerate()
        if not thread.daemon and thread is not module.main_thread()
    ]


def _log(what: str, threads: list[threading.Thread]) -> None:
    names = ", ".join(thread.name for thread in threads)
    engine.log_line(engine.Level.warning, f"{what}: {names}")


def _let_go_of_machines() -> None:
    """Clear the attributes of machines and networks, so that the script's objects can be collected.

    The garbage collector does not free what those attributes refer to: it counts them once for the
    engine's class and once for ours. Without them, the script's objects are finalised while its
    global names still exist.
    """
    kinds = {kind for top in (engine.BaseMachine, engine.VLan) for kind in _and_below(top)}
    for each in gc.get_objects():
        if type(each) in kinds:  # issubclass() on some ten thousand objects would take milliseconds
            vars(each).clear()


def _and_below(kind: type) -> Iterator[type]:
    yield kind
    for lower in kind.__subclasses__():
        yield from _and_below(lower)
