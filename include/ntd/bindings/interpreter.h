#pragma once

#include <ntd/driver/config.h>
#include <ntd/driver/runtime.h>
#include <ntd/log/terminal_sink.h>

#include <filesystem>
#include <optional>
#include <string>

namespace ntd::bindings {

// What the test_driver package is told to do.
struct RunOptions {
    driver::Config config;
    std::filesystem::path out_dir;
    std::filesystem::path tmp_dir;
    bool interactive = false;
    bool watch = false; // run the script again whenever it is saved
    bool vnc = false;   // machines have a VNC server
    bool keep_machine_state = false;
    bool pcap = false;      // all that passes over the VLANs goes into files
    bool keep_pcap = false; // also if the test passes
    std::optional<std::filesystem::path> junit_xml;
    std::optional<std::string> debug_hook_attach;
};

// How the script ended.
struct RunResult {
    int status = 0;
    int signal = 0; // other than 0: the process should die by it

    // Daemon threads of the script still run. They may use all that the run has, which must
    // therefore stay until the process ends.
    bool threads_left = false;
};

// Starts CPython, the one that this program was built with (or the virtual environment of
// $VIRTUAL_ENV), runs test_driver.main, and stops it again unless threads are left. Everything that
// the script started is ended by then. Once per process, on its first thread. Scripts choose what
// `terminal` shows.
RunResult run(const RunOptions& options, driver::Runtime& runtime, log::TerminalSink& terminal);

// What scripts can use, with what it does, for people to read. Needs nothing but the package;
// instead of run(), not besides it.
std::string reference();

} // namespace ntd::bindings
