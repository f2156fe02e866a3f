#include <ntd/log/terminal_sink.h>

#include "dispatch.h"
#include "wording.h"

#include <ntd/base/text.h>
#include <ntd/log/terminal_text.h>

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace ntd::log {

namespace {

constexpr std::size_t most_pending = 1 << 16;

constexpr std::string_view plain;
constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view bold_yellow = "\x1b[1;33m";
constexpr std::string_view bold_red = "\x1b[1;31m";
constexpr std::string_view bold_green = "\x1b[1;32m";

std::string_view style_of(Level level) {
    switch (level) {
    case Level::debug:
    case Level::info:
        return plain;
    case Level::warning:
        return bold_yellow;
    case Level::error:
        return red;
    }
    return plain;
}

// "[   12.345] "
std::string stamp(std::chrono::duration<double> since) {
    return fmt::format("[{:9.3f}] ", since.count());
}

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

} // namespace

TerminalSink::TerminalSink(int fd, TerminalOptions options)
    : colour_(options.colour), timestamps_(options.timestamps), outlet_(fd), level_(options.level),
      serial_(options.serial) {}

void TerminalSink::write(const Event& event) noexcept {
    const std::lock_guard lock(mutex_);
    if (timestamps_)
        stamp_ = stamp(event.at - begin_);
    dispatch(event, [&](const auto& what) { show(event, what); });
    if (!std::holds_alternative<Serial>(event.what) || pending_.size() > most_pending)
        send();
}

void TerminalSink::flush() noexcept {
    const std::lock_guard lock(mutex_);
    outputs_.end_all();
    send();
    outlet_.wait_once_more(); // this may be the last flush
}

void TerminalSink::drain() noexcept {
    const std::lock_guard lock(mutex_);
    send();
}

void TerminalSink::set_level(Level level) {
    const std::lock_guard lock(mutex_);
    level_ = level;
}

void TerminalSink::set_serial(bool shown) {
    const std::lock_guard lock(mutex_);
    serial_ = shown;
    serial_of_.clear();
}

void TerminalSink::set_serial(std::string_view machine, bool shown) {
    const std::lock_guard lock(mutex_);
    serial_of_.insert_or_assign(std::string(machine), shown);
}

void TerminalSink::set_quiet(bool quiet) {
    const std::lock_guard lock(mutex_);
    quiet_ = quiet;
}

void TerminalSink::prepare_for_end() noexcept {
    drain();
    outlet_.hold_nobody_up(); // flush() does the waiting
    outlet_.redirect(-1);
}

void TerminalSink::redirect(int fd) noexcept {
    drain();
    outlet_.redirect(fd);
}

void TerminalSink::settle(std::size_t but_for) noexcept {
    outlet_.settle(but_for);
}

bool TerminalSink::wants_colour(int fd) {
    return ::isatty(fd) == 1 && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

void TerminalSink::show(const Event& event, const Line& line) {
    if (line.level >= level_)
        show_remark(style_of(line.level), event.machine, line.text);
}

void TerminalSink::show(const Event& event, const Serial& serial) {
    if (quiet_)
        return;
    const auto own = serial_of_.find(event.machine);
    if (own != serial_of_.end() ? own->second : serial_)
        show_marked(dim, visible(event.machine) + " # ", serial.text);
}

void TerminalSink::show(const Event& event, const Output& output) {
    outputs_.add(event.machine, output.text);
}

void TerminalSink::show(const Event& event, const ScopeBegin& scope) {
    outputs_.end(event.machine);
    show_remark(bold_green, event.machine, heading(scope.kind, scope.text));
}

void TerminalSink::show(const Event& event, const ScopeEnd& scope) {
    outputs_.end(event.machine);
    show_remark(plain, event.machine, finished(scope));
}

void TerminalSink::show(const Event&, const TestError& error) {
    show_marked(bold_red, "!!! ", trim_right(error.text));
    if (!error.details.empty())
        show_marked(plain, "!!! ", "---\n" + error.details);
}

void TerminalSink::show(const Event& event, const SubtestSkip& subtest) {
    show_remark(plain, event.machine, skipped(subtest));
}

void TerminalSink::show_output(std::string_view machine, std::string_view line) {
    show_marked(dim, visible(machine) + " > ", line);
}

// Further lines of a message may be a guest's text and must not look like messages of ours.
void TerminalSink::show_remark(std::string_view style,
                               std::string_view machine,
                               std::string_view text) {
    const auto name = visible(machine);
    const auto first = stamp_ + (name.empty() ? "" : name + ": ");
    const auto rest = stamp_ + (name.empty() ? "| " : name + " | ");
    append_lines(pending_, {.first = first, .rest = rest, .style = style, .colour = colour_}, text);
}

void TerminalSink::show_marked(std::string_view style,
                               std::string_view mark,
                               std::string_view text) {
    const auto begin = stamp_ + std::string(mark);
    append_lines(pending_, {.first = begin, .rest = begin, .style = style, .colour = colour_},
                 text);
}

void TerminalSink::send() noexcept {
    outlet_.write(pending_);
    pending_.clear();
}

} // namespace ntd::log
