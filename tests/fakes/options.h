#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "fault.h"

namespace fake {

enum class Stage { never, start, qmp, monitor, shell, boot };

// How the fake is to misbehave: its own options, which come before QEMU's.
struct Options {
    Stage exit_at = Stage::never;
    long exit_after_lines = 0; // with Stage::boot
    int exit_status = 1;
    std::string exit_message;
    Stage hang_at = Stage::never;
    bool help = false;
    bool no_backdoor = false;
    bool silent = false;
    bool panic = false;
    bool emergency = false;
    bool console_garbage = false;
    bool hmp_garbage = false;
    bool hmp_split = false;
    bool qmp_garbage = false;
    bool qmp_split = false;
    bool shell_garbage = false;
    long shell_flood = 0; // mebibytes
    bool shell_pty = false;
    bool relay = false;
    std::vector<FaultyChannel> faults;
    bool no_port = false;
    bool ignore_term = false;
    bool fork_helper = false;
    bool no_vm_exit_on_poweroff = false;
    std::chrono::milliseconds boot_delay{0};
    std::chrono::milliseconds kill_self_after{0};
    long console_lines = 0;
    long console_rate = 0; // lines per second; 0 is as fast as the reader takes them
    std::string keys_file;
    std::string console_input_file;
    std::string dump_args;
    std::string guest_path;
    std::string screen;
    std::string make_commands;
};

// One socket of the command line. QEMU opens them in the order they are given.
struct Endpoint {
    enum class Kind { qmp, hmp, chardev };
    Kind kind;
    std::string id; // of a chardev
    std::string path;
    bool server = false;
    std::string option; // as given, for error messages
};

// The meaning of QEMU's options. Unknown options are accepted and only kept in `all`.
struct QemuArguments {
    std::vector<std::string> all;
    std::vector<Endpoint> endpoints;
    std::string name;
    bool no_reboot = false;
    bool no_shutdown = false;
    bool kvm = false;
};

// Takes our own options off the front of `arguments`. Throws std::invalid_argument.
Options take_options(std::vector<std::string>& arguments);
QemuArguments parse_qemu_arguments(const std::vector<std::string>& arguments);
std::string help_text();

std::vector<std::string> split(const std::string& text, const char* separators);

} // namespace fake
