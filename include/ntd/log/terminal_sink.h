#pragma once

#include <ntd/log/outlet.h>
#include <ntd/log/output_lines.h>
#include <ntd/log/sink.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace ntd::log {

struct TerminalOptions {
    bool colour = false;
    Level level = Level::info; // messages below this level are hidden
    bool serial = true;        // show the consoles of the machines
    bool timestamps = false;   // begin each line with the seconds since the sink was made
};

// Writes the test log for people to a file descriptor, which stays the caller's. Nothing else in
// the driver writes a guest's text there (see terminal_text.h). The first line of a message begins
// with the machine's name and a colon, further lines with the name and a bar.
//
// Thread-safe, also without going through Log. Serial lines are buffered until the next other event
// or drain(). A slow reader delays nobody for long (see Outlet). When the reader is gone, output is
// discarded (the process ignores SIGPIPE).
class TerminalSink final : public LogSink {
public:
    explicit TerminalSink(int fd, TerminalOptions options = {});

    void write(const Event& event) noexcept override;

    // Writes everything, incomplete lines of a running command included.
    void flush() noexcept override;

    // Writes what is buffered, except for incomplete lines.
    void drain() noexcept override;

    void settle(std::size_t but_for) noexcept override;

    void set_level(Level level);
    void set_serial(bool shown); // of all machines; resets their single settings
    void set_serial(std::string_view machine, bool shown);

    // Hides serial lines, whatever the settings above, while something else uses the terminal.
    void set_quiet(bool quiet);

    // While a line editor uses the terminal: sends all output to this descriptor (which stays the
    // caller's), so that the editor can show it above its line. -1 ends that. So does
    // prepare_for_end(), because the editor would not get to show it.
    void redirect(int fd) noexcept;
    void prepare_for_end() noexcept override;

    // Whether `fd` is a terminal that can show colours and the user has not declined them
    // (NO_COLOR).
    static bool wants_colour(int fd);

private:
    void show(const Event& event, const Line& line);
    void show(const Event& event, const Serial& serial);
    void show(const Event& event, const Output& output);
    void show(const Event& event, const ScopeBegin& scope);
    void show(const Event& event, const ScopeEnd& scope);
    void show(const Event& event, const TestError& error);
    void show(const Event& event, const SubtestSkip& subtest);
    void show_output(std::string_view machine, std::string_view line);
    void show_remark(std::string_view style, std::string_view machine, std::string_view text);
    void show_marked(std::string_view style, std::string_view mark, std::string_view text);
    void send() noexcept;

    const bool colour_;
    const bool timestamps_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    Outlet outlet_;

    std::mutex mutex_; // guards the members below
    Level level_;
    bool serial_;
    bool quiet_ = false;
    std::string stamp_; // what the lines of the current event begin with
    std::map<std::string, bool, std::less<>> serial_of_; // where it differs from serial_
    OutputLines outputs_{[this](auto machine, auto line) { show_output(machine, line); }};
    std::string pending_;
};

} // namespace ntd::log
