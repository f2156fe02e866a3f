#pragma once

#include <ntd/log/outlet.h>
#include <ntd/log/output_lines.h>
#include <ntd/log/sink.h>

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace ntd::log {

struct TerminalOptions {
    bool colour = false;
    Level level = Level::info; // remarks below it are not shown
    bool serial = true;        // show the consoles of the machines
};

// The test log for people, on a file descriptor that it borrows. Nothing else of the driver writes
// there what a guest may have said (see terminal_text.h). A remark's first line begins with the
// machine's name and a colon, its further lines with the name and a bar. Usable from any thread,
// also past the Log. Serial lines are gathered and go out with whatever comes next: who feeds them
// calls drain() when no more are at hand. A slow reader, or none, holds nobody up for long: see
// Outlet. When the reader is gone it falls silent (the process ignores SIGPIPE).
class TerminalSink final : public LogSink {
public:
    explicit TerminalSink(int fd, TerminalOptions options = {});

    void write(const Event& event) noexcept override;

    // All of it, half lines of a running command included.
    void flush() noexcept override;

    // What is gathered; half lines wait for their end.
    void drain() noexcept override;

    void settle(std::size_t but_for) noexcept override;

    void set_level(Level level);
    void set_serial(bool shown); // of all machines, those set one by one included
    void set_serial(std::string_view machine, bool shown);

    // While somebody has the terminal for something else: no serial lines, whatever is set above.
    void set_quiet(bool quiet);

    // While a line is edited on the terminal: all goes to this descriptor, which is borrowed, for
    // the line editor to show above the line. -1 ends that, and so does the end of the process,
    // which the editor would not live to show.
    void redirect(int fd) noexcept;
    void prepare_for_end() noexcept override;

    // A terminal that can show colours, and a user who has not declined them (NO_COLOR).
    static bool wants_colour(int fd);

private:
    void show(const Event& event, const Line& line);
    void show(const Event& event, const Serial& serial);
    void show(const Event& event, const Output& output);
    void show(const Event& event, const ScopeBegin& scope);
    void show(const Event& event, const ScopeEnd& scope);
    void show(const Event& event, const TestError& error);
    void show_output(std::string_view machine, std::string_view line);
    void show_remark(std::string_view style, std::string_view machine, std::string_view text);
    void show_marked(std::string_view style, std::string_view mark, std::string_view text);
    void send() noexcept;

    const bool colour_;
    Outlet outlet_;

    std::mutex mutex_; // guards all below
    Level level_;
    bool serial_;
    bool quiet_ = false;
    std::map<std::string, bool, std::less<>> serial_of_; // where it differs from serial_
    OutputLines outputs_{[this](auto machine, auto line) { show_output(machine, line); }};
    std::string pending_;
};

} // namespace ntd::log
