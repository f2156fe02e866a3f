#pragma once

#include "option.h"

#include <array>
#include <string_view>

namespace ntd::cli {

// Text of --help and of the manual that belongs to no single option.

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

// Environment variables that have no option.
struct Variable {
    std::string_view names;
    std::string_view fallback{};
    std::string_view help;
};

inline constexpr std::array variables{
    Variable{"XDG_RUNTIME_DIR, TMPDIR, TEMP, TMP", "/tmp",
             "the first one that is set names the directory for the machines' state "
             "(vm-state-NAME) and sockets"},
    Variable{"LOGFILE", "none", "file for the log as XML"},
    Variable{"NO_COLOR", "", "set to anything: no colours in the log"},
    Variable{"NTD_REPL", "the first of them that is installed",
             "the kind of prompt: ptipython, ptpython, ipython or python"},
    Variable{"NTD_START_TIMEOUT", "300",
             "seconds that a start script may take until its machine answers"},
    Variable{"NTD_BOOT_SILENCE", "300", "seconds that a booting guest's console may be silent"},
    Variable{"NTD_BOOT_TIMEOUT", "300 with --config, else as many as it needs",
             "seconds that a guest may take until its root shell is there, even if its console "
             "shows progress"},
    Variable{"NTD_SILENCE", "300", "seconds that QEMU or a guest's shell may take to answer"},
    Variable{
        "NTD_TRACE", "none",
        "file for what the driver does, and exchanges with QEMU and the guests; to send with a "
        "report"},
    Variable{"NTD_TRACE_LEVEL", "trace",
             "how much of that: warning, info, debug or trace, and perhaps levels of categories, "
             "as in debug,channel=trace,os=off"},
};

struct ExitStatus {
    std::string_view status;
    std::string_view meaning;
};

inline constexpr std::array exit_statuses{
    ExitStatus{"0", "the test script ran to its end"},
    ExitStatus{"1", "it failed (or what it gave to sys.exit)"},
    ExitStatus{"2", "the options or the configuration are unusable; nothing was started"},
    ExitStatus{"143", "(SIGTERM) the global timeout passed"},
    ExitStatus{"130", "(SIGINT) it was interrupted"},
};

} // namespace ntd::cli
