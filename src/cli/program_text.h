#pragma once

#include "option.h"

#include <array>
#include <string_view>

namespace ntd::cli {

// What --help and the manual say that no option says of itself.

inline constexpr std::string_view usage_text =
    R"(usage: nixos-test-driver --config FILE [OPTION]...
       nixos-test-driver [--start-scripts SCRIPT...] [--vlans N...] [OPTION]... [--] TESTSCRIPT
)";

inline constexpr std::string_view purpose =
    "Boots the machines of a NixOS test and runs the test's Python script against them.";

struct SectionText {
    Section section;
    std::string_view title;
    std::string_view more{};
};

inline constexpr std::array section_texts{
    SectionText{Section::file, "What to run, as one file (NixOS 26.05 and later)"},
    SectionText{Section::options, "What to run, as options (up to NixOS 25.11)",
                "A list is several words after the option; in a variable its items are separated "
                "by blanks. An option wins over its variable."},
    SectionText{Section::how, "How to run it"},
};

inline constexpr std::string_view about_spelling =
    "A long option may be shortened as long as it is unambiguous, and --OPTION=VALUE works too. "
    "When an option is repeated, the last one counts; lists add up.";

// Variables that have no option.
struct Variable {
    std::string_view names;
    std::string_view fallback{};
    std::string_view help;
};

inline constexpr std::array variables{
    Variable{"XDG_RUNTIME_DIR, TMPDIR, TEMP, TMP", "/tmp",
             "the first one that is set is the directory in which the machines' state "
             "(vm-state-NAME) and sockets are kept"},
    Variable{"LOGFILE", "none", "file for the log as XML"},
    Variable{"NO_COLOR", "", "set to anything: no colours in the log"},
    Variable{"NTD_REPL", "the first of them that is installed",
             "the kind of prompt: ptipython, ptpython, ipython or python"},
    Variable{"NTD_START_TIMEOUT", "300",
             "seconds that a start script may take until its machine answers"},
    Variable{"NTD_BOOT_SILENCE", "300", "seconds that a booting guest's console may be silent"},
    Variable{"NTD_BOOT_TIMEOUT", "300 with --config, else as many as it needs",
             "seconds that a guest may take to its root shell, whatever its console shows"},
    Variable{"NTD_SILENCE", "300",
             "seconds that QEMU, or a guest's shell, may leave us unanswered"},
    Variable{"NTD_TRACE", "none", "file for all that goes over the machines' channels"},
};

// {ours} are the options that only this driver has.
inline constexpr std::array<std::string_view, 16> differences{
    "What has died ends every wait for it at once, with its exit status and last output: a start "
    "script, QEMU, a guest that powers off, panics, or ends in emergency mode. A guest that boots "
    "or runs a command and is silent for five minutes is an error, too.",
    "Waits look again after 10 ms, then less and less often; their limits are wall-clock time.",
    "A command over its time limit, or interrupted by Ctrl-C, is ended in the guest as well. "
    "Commands may be of any length, their output any bytes. Their standard input is the guest's "
    "console.",
    "Commands with more output than --max-output are ended. Of a console the last 16 MiB are in "
    "memory and 1 GiB on disk; what is older is gone.",
    "Commands can go over a vsock as well, several at a time (--backdoor).",
    "Output and copies take a virtio-serial port of ours where the guest has it.",
    "Machines raise MachineError; one that has died MachineDied, which is a BrokenPipeError.",
    "Standard error of QEMU and of start scripts is in the log.",
    "wait_for_text() takes the first reading that matches, and keeps the picture when it fails.",
    "Damaged stores of EFI variables are an error, and stay as they are.",
    "Copies keep symbolic links, and appear under their names when they are complete.",
    "shell_interact() has a terminal of its own; Ctrl-] leaves it, and console_interact().",
    "The debugger of --debug-hook-attach takes another port if its own is in use, and holds the "
    "global timeout while somebody is attached. It asks for a key that only its user can read.",
    "At the prompt a failing script comes back, Ctrl-C ends only what runs, and consoles do not "
    "tear the line. test_script() reads the script again, and can run it from a line or subtest "
    "on.",
    "{ours}, and the variables NTD_... are ours, and so are vlanN.capture(), disconnect(), "
    "reconnect(), impair() (loss and delay).",
    "Containers are in namespaces and a cgroup of the driver's own, where the host has no part.",
};

struct ExitStatus {
    std::string_view status;
    std::string_view meaning;
};

inline constexpr std::array exit_statuses{
    ExitStatus{"0", "the test script ran to its end"},
    ExitStatus{"1", "it failed (or what it gave to sys.exit)"},
    ExitStatus{"2", "the options or the configuration cannot be used"},
    ExitStatus{"143", "(SIGTERM) the global timeout passed"},
    ExitStatus{"130", "(SIGINT) it was interrupted"},
};

} // namespace ntd::cli
