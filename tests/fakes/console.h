#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "fault.h"
#include "options.h"

namespace fake {

// The serial console: our standard output, plus what the guest prints while it boots.
// Never blocks: output waits in a queue until the reader makes room.
class Console {
public:
    enum class Boot { going_on, shell_due, exit_due, stuck };
    using Clock = std::chrono::steady_clock;

    Console(const Options& options, std::string machine_name);

    void begin_boot();
    // Prints the boot lines that are due and says how far the boot is.
    Boot advance_boot(Clock::time_point now);
    // The time of the next boot step that no other event triggers.
    Clock::time_point next_step() const;

    void line(std::string_view text); // adds \r\n, as the guest's tty does
    void echo(std::string_view typed);
    bool has_output() const noexcept; // something may be written now
    void flush();                     // call when standard output is writable
    void spoil(Fault fault);
    // For a slow console: the time of the next byte.
    std::optional<Clock::time_point> next_byte() const;
    void flush_last(); // before the process ends; waits a limited time for a slow reader

private:
    Boot end_boot();
    void print_filler(Clock::time_point now);
    void print_garbage();

    const Options& options_;
    std::string name_;
    std::string output_;
    Clock::time_point boot_began_;
    Fault fault_ = Fault::none;
    Clock::time_point last_byte_;
    long lines_ = 0;
    long filler_ = 0;
};

} // namespace fake
