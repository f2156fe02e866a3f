#include "trace_head.h"

#include <ntd/base/text.h>
#include <ntd/bindings/interpreter.h>
#include <ntd/os/child_process.h>
#include <ntd/trace/trace.h>

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>

namespace ntd::cli {

namespace {

namespace fs = std::filesystem;
using trace::Category;

// The QEMU programs that a start script finds in PATH. It may run another one by its path.
std::string qemu_in_path() {
    const char* path = std::getenv("PATH");
    std::vector<std::string> found;
    for (std::string_view rest = path != nullptr ? path : ""; !rest.empty();) {
        const auto directory = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(directory, ignored))
            if (const auto name = entry.path().filename().native();
                name == "qemu-kvm" || name.starts_with("qemu-system-"))
                found.push_back(entry.path().native());
    }
    std::sort(found.begin(), found.end());
    return found.empty() ? "none" : join(found, " ");
}

std::string our_variables() {
    std::vector<std::string> ours;
    for (auto& variable : os::current_environment())
        if (variable.starts_with("NTD_"))
            ours.push_back(std::move(variable));
    return join(ours, " ");
}

} // namespace

void trace_head(const std::vector<std::string>& command_line) {
    if (!trace::on(Category::driver, trace::Level::info))
        return;
    utsname host{};
    ::uname(&host);
    trace::info(Category::driver, "nixos-test-driver {}, pid {}", NTD_VERSION, ::getpid());
    trace::info(Category::driver, "command line: {}", join(command_line, " "));
    trace::info(Category::driver, "variables: {}", our_variables());
    trace::info(Category::driver, "Python {}", bindings::python_of_scripts());
    trace::info(Category::driver, "QEMU in PATH: {}", qemu_in_path());
    trace::info(Category::driver, "kernel: {} {} {}, {} CPUs", host.sysname, host.release,
                host.machine, std::thread::hardware_concurrency());
}

} // namespace ntd::cli
