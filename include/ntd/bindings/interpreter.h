#pragma once

#include <ntd/driver/config.h>
#include <ntd/driver/runtime.h>
#include <ntd/evidence/keeper.h>
#include <ntd/log/terminal_sink.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ntd::bindings {

// Options of a run, for the test_driver package.
struct RunOptions {
    driver::Config config;
    std::vector<std::string> command_line; // of this process
    std::filesystem::path out_dir;
    std::filesystem::path tmp_dir;
    bool interactive = false;
    bool watch = false;                // rerun the script whenever it is saved
    bool keep_going = false;           // run the next subtest after one failed
    std::vector<std::string> subtests; // patterns of those to run; empty: all
    std::size_t console_lines = 10;    // that the last words of a failed test quote
    bool vnc = false;                  // machines have a VNC server
    bool keep_machine_state = false;
    bool pcap = false;      // capture the VLANs' frames in files
    bool keep_pcap = false; // keep them also if the test passes
    std::optional<std::filesystem::path> junit_xml;
    std::optional<std::string> debug_hook_attach;
};

// How the test script ended.
struct RunResult {
    int status = 0;
    int signal = 0; // other than 0: the process should end by this signal

    // Daemon threads of the script still run. They may use anything that belongs to the run, so it
    // must stay until the process ends.
    bool threads_left = false;
};

// Starts CPython (that of the build, or the virtual environment in $VIRTUAL_ENV), runs
// test_driver.main, and stops CPython again unless threads are left. By then everything that the
// script started has ended. Call it once per process, on the main thread. Scripts control what
// `terminal` shows.
RunResult run(const RunOptions& options,
              driver::Runtime& runtime,
              log::TerminalSink& terminal,
              evidence::Keeper& evidence);

// A text for people: everything that scripts can use, with its description. Needs only the
// test_driver package. Call it instead of run(), never both.
std::string reference();

// Version and program of the CPython that run() starts.
std::string python_of_scripts();

} // namespace ntd::bindings
