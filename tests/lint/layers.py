"""Fails on an #include that breaks the order of the modules.

A module is a directory in src/ and in include/ntd/. It may use those listed in USES, and of
third-party and system headers only what OWNERS allows.
"""

import re

from report import report

ENGINE = {"base", "trace", "log", "proto", "os"}
MACHINES = ENGINE | {"machine", "vsock", "nspawn", "qemu", "network"}
USES = {
    "base": set(),
    "trace": {"base"},
    "log": {"base", "trace"},
    "report": {"base"},
    "proto": {"base"},
    "os": {"base", "trace"},
    "machine": ENGINE,
    "vsock": ENGINE | {"machine"},
    "nspawn": ENGINE | {"machine"},
    "qemu": ENGINE | {"machine", "vsock"},
    "network": ENGINE | {"machine", "nspawn"},
    "evidence": MACHINES | {"report"},
    "driver": MACHINES | {"report", "evidence"},
    "bindings": MACHINES | {"report", "evidence", "driver"},
    "cli": MACHINES | {"report", "evidence", "driver", "bindings"},
}

# The first pattern that matches a header decides which files (module/file.cpp) may include it.
OWNERS = [
    (r"fmt/.*", r".*"),
    (r"spdlog/.*", r"trace/trace\.cpp"),
    (r"pugixml\.hpp", r"log/.*"),
    (r"nlohmann/.*", r"log/record_sink\.cpp|report/.*\.cpp|evidence/.*\.cpp|proto/.*\.cpp|driver/config.*\.(cpp|h)"),
    (r"pybind11/.*|Python\.h", r"bindings/.*"),
    (r"CLI/.*", r"cli/.*"),
    # Waits belong into os, except where no interrupt may end the wait.
    (r"poll\.h", r"os/.*|base/write_all\.cpp|machine/machine_process\.cpp|driver/runtime\.cpp"),
    (r"sys/(epoll|eventfd|inotify|prctl|signalfd|syscall|timerfd)\.h|(linux|asm)/.*", r"os/.*"),
    (r"(dirent|net/if|sched)\.h", r"os/.*"),
    (r"(fcntl|pthread|signal|termios|unistd|sys/\w+)\.h", r".*"),  # POSIX, more or less
    (r"[a-z_0-9]+", r".*"),  # the standard library
]


def fault_of(root, file, module, header, quoted):
    """Why a file of a module may not include a header, or None."""
    if quoted:
        own = "/" not in header and (file.parent / header).is_file()
        return None if own else "quotes are for headers of the own folder"
    if ours := re.fullmatch(r"ntd/(\w+)/.*", header):
        if ours[1] != module and ours[1] not in USES[module]:
            return f"{module} must not use {ours[1]}"
        return None if (root / "include" / header).is_file() else "there is no such header"
    for pattern, files in OWNERS:
        if re.fullmatch(pattern, header):
            allowed = re.fullmatch(files, f"{module}/{file.name}")
            return None if allowed else f"only for {files}"
    return "a library that no module has"


def faults(root):
    for folder in (root / "src", root / "include" / "ntd"):
        for file in sorted([*folder.glob("*/**/*.cpp"), *folder.glob("*/**/*.h")]):
            module = file.relative_to(folder).parts[0]
            if module not in USES:
                yield f"{file}: the module {module} is not in the table"
                continue
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if include := re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line):
                    quoted, header = include[1] == '"', include[2]
                    if fault := fault_of(root, file, module, header, quoted):
                        yield f"{file}:{number}: {header}: {fault}"


if __name__ == "__main__":
    report(faults)
