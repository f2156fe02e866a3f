#include "console.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace fake {

namespace {

// A pipe that poll(2) reports as writable takes this much without blocking. O_NONBLOCK is not an
// option: the guest's standard error shares the open file, and its programs expect a blocking
// console.
constexpr size_t atomic_write = 4096;
constexpr size_t enough_output = 16 * atomic_write;

} // namespace

Console::Console(const Options& options, std::string machine_name)
    : options_(options), name_(std::move(machine_name)) {}

void Console::begin_boot() {
    boot_began_ = Clock::now();
    lines_ = 0;
    filler_ = 0;
    line("[    0.000000] Linux version 6.1.0-fake (fake_vm) #1-NixOS SMP");
    line("[    0.000000] Command line: console=ttyS0 init=/fake/init");
    line("[    0.412000] Run /init as init process");
    line("<<< NixOS Stage 1 >>>");
    line("<<< NixOS Stage 2 >>>");
    line("[    0.731000] systemd[1]: Hostname set to <" + name_ + ">.");
    if (options_.console_garbage)
        print_garbage();
}

Console::Boot Console::advance_boot(Clock::time_point now) {
    print_filler(now);
    if (options_.exit_at == Stage::boot && lines_ >= options_.exit_after_lines)
        return Boot::exit_due;
    if (filler_ < options_.console_lines || now < boot_began_ + options_.boot_delay)
        return Boot::going_on;
    return end_boot();
}

Console::Boot Console::end_boot() {
    if (options_.panic) {
        line("[    0.902000] Kernel panic - not syncing: VFS: Unable to mount root fs on "
             "unknown-block(0,0)");
        line("[    0.902100] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-fake #1-NixOS");
        line("[    0.902900] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on "
             "unknown-block(0,0) ]---");
        return Boot::stuck;
    }
    if (options_.emergency) {
        line("[DEPEND] Dependency failed for Local File Systems.");
        line("You are in emergency mode. After logging in, type \"journalctl -xb\" to view");
        line("system logs, \"systemctl reboot\" to reboot, or \"exit\" to continue booting.");
        line("");
        line("Cannot open access to console, the root account is locked.");
        line("See sulogin(8) man page for more details.");
        line("");
        line("Press Enter to continue.");
        return Boot::stuck;
    }
    line("[    0.954000] systemd[1]: Reached target Multi-User System.");
    line("[    0.955000] systemd[1]: Startup finished in 412ms (kernel) + 543ms (userspace) = "
         "955ms.");
    return options_.no_backdoor ? Boot::stuck : Boot::shell_due;
}

void Console::print_filler(Clock::time_point now) {
    long due = options_.console_lines;
    if (options_.console_rate > 0) {
        const std::chrono::duration<double> seconds = now - boot_began_;
        due = std::min(due, static_cast<long>(seconds.count() * double(options_.console_rate)));
    }
    while (filler_ < due && output_.size() < enough_output) {
        const std::string count = std::to_string(++filler_);
        line("[    0.800000] fake: boot line " + count + " of a guest that has much to say");
    }
}

Console::Clock::time_point Console::next_step() const {
    if (filler_ >= options_.console_lines)
        return boot_began_ + options_.boot_delay;
    if (options_.console_rate == 0)
        // Only the reader delays it, and poll(2) reports that.
        return has_output() ? Clock::time_point::max() : Clock::now();
    const std::chrono::duration<double> due{double(filler_ + 1) / double(options_.console_rate)};
    return boot_began_ + std::chrono::ceil<std::chrono::milliseconds>(due);
}

void Console::print_garbage() {
    using namespace std::string_view_literals;
    line("invalid UTF-8: \xff\xfe\xc3\x28 \xed\xa0\x80 \xf0\x9f"sv);
    line("NUL: \0 and controls: \x01\x07\x08\x0b\x0c\x0e\x7f"sv);
    line("escapes: \x1b[31mred\x1b[0m \x1b[2J\x1b[H \x1b]0;title\x07 \x1bP1$r\x1b\\ \x1b["sv);
    line("carriage\rreturn, xml: ]]> <a> & \" '"sv);
    line(std::string(1 << 20, 'x'));
}

void Console::line(std::string_view text) {
    ++lines_;
    if (!options_.silent)
        output_.append(text).append("\r\n");
}

void Console::echo(std::string_view typed) {
    for (const char byte : typed) {
        if (byte == '\n')
            output_ += '\r';
        output_ += byte;
    }
}

bool Console::has_output() const noexcept {
    if (fault_ == Fault::silent || (fault_ == Fault::slow && Clock::now() < last_byte_ + slow_pace))
        return false;
    return !output_.empty() || fault_ == Fault::babbling;
}

// Fault::closed works only before there is a guest, which shares the descriptor as its standard
// error.
void Console::spoil(Fault fault) {
    fault_ = fault;
    if (fault != Fault::closed)
        return;
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(null, STDOUT_FILENO);
    ::close(null);
}

std::optional<Console::Clock::time_point> Console::next_byte() const {
    if (fault_ != Fault::slow || output_.empty())
        return std::nullopt;
    return last_byte_ + slow_pace;
}

void Console::flush() {
    while (fault_ == Fault::babbling && output_.size() < enough_output)
        output_ += babble;
    const size_t size = fault_ == Fault::slow ? 1 : std::min(output_.size(), atomic_write);
    const ssize_t written = ::write(STDOUT_FILENO, output_.data(), size);
    last_byte_ = Clock::now();
    if (written > 0)
        output_.erase(0, static_cast<size_t>(written));
    else if (written < 0 && errno != EINTR && errno != EAGAIN)
        output_.clear(); // no reader: a real serial port loses the bytes, too
}

void Console::flush_last() {
    if (fault_ == Fault::babbling || fault_ == Fault::slow)
        fault_ = Fault::none;
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    while (has_output() && ::poll(&out, 1, 1000) > 0)
        flush();
}

} // namespace fake
