#include <ntd/machine/console_wait.h>

#include <ntd/machine/retry.h>
#include <ntd/os/wait.h>

#include <algorithm>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// Polling conditions otherwise run before each command, but this wait gives none.
constexpr auto check_interval = 1s;

// The position after the line that contains the character before `position`.
std::size_t end_of_line(std::string_view text, std::size_t position) {
    const auto newline = text.find('\n', position > 0 ? position - 1 : 0);
    return newline == text.npos ? text.size() : newline + 1;
}

Deadline pause_after_look(Deadline::Clock::time_point tried) {
    const Seconds took = Deadline::Clock::now() - tried;
    return Deadline::after(took < 1ms ? 0s : std::min<Seconds>(pause_per_try * took, 1s));
}

class ConsoleWait {
public:
    ConsoleWait(Machine& machine, const ConsoleLook& look, ConsoleMatch match, Timeout timeout)
        : machine_(machine), console_(machine.console()), look_(look), match_(match),
          deadline_(deadline_of(timeout)), changed_(console_.changed()) {}

    bool run(std::size_t most) {
        for (;;) {
            changed_.reset();
            if (deadline_.passed() && !last_look_to_)
                last_look_to_ = console_.size();
            // Read before the text, because the console may close in between.
            const bool closed = ended_ || console_.closed();
            if (looked_at_ > console_.size())
                looked_at_ = 0; // the machine was started again
            const auto part = console_.part(std::max(console_.consumed(), looked_at_), most);
            exit_ = machine_.exit_fd();
            const auto tried = Deadline::Clock::now();
            if (const auto end = look_(part.text)) {
                console_.consume_to(part.begin + end_of_line(part.text, *end));
                return true;
            }
            if (closed && !part.more)
                machine_.run()->process.throw_died("while text was awaited on its console");
            if (last_look_to_ && (!part.more || part.begin + part.text.size() >= *last_look_to_))
                return false;
            move_on(part, tried);
            check_conditions();
            wait_for_more(part.more);
        }
    }

private:
    // Moves the start of the next look past text that need not be searched again. Pauses if there
    // is none.
    void move_on(const ConsoleLog::Part& part, Deadline::Clock::time_point tried) {
        if (match_ == ConsoleMatch::within_lines) // the last line may be unfinished
            looked_at_ = part.begin + part.text.rfind('\n') + 1;
        else if (part.more)
            looked_at_ = part.begin + end_of_line(part.text, part.text.size() / 2);
        else // a pause: repeated searches of much text must not use all the time
            os::wait_readable({number_of(exit_)}, sooner(deadline_, pause_after_look(tried)),
                              machine_.host().interrupt);
    }

    void check_conditions() {
        if (!check_.passed() || !machine_.before_command)
            return;
        machine_.before_command();
        check_ = Deadline::after(check_interval);
    }

    void wait_for_more(bool is_there) {
        const auto until = is_there ? Deadline::after(0s) : sooner(deadline_, check_);
        const auto ready =
            os::wait_readable({changed_.fd(), number_of(exit_)}, until, machine_.host().interrupt);
        if (ready == 1U && !is_there) {
            machine_.run()->process.wait_for_last_output();
            ended_ = true;
        }
    }

    Machine& machine_;
    ConsoleLog& console_;
    const ConsoleLook& look_;
    ConsoleMatch match_;
    Deadline deadline_;
    os::Broadcast::Listener changed_;
    Deadline check_ = Deadline::after(check_interval);
    SharedFd exit_;             // taken before the last look
    std::size_t looked_at_ = 0; // no match starts before it
    bool ended_ = false; // the machine has ended; a process that it left may keep the console open
    std::optional<std::size_t> last_look_to_; // after the time limit; later text does not count
};

} // namespace

bool wait_for_console(Machine& machine,
                      const ConsoleLook& look,
                      ConsoleMatch match,
                      Timeout timeout,
                      std::size_t most) {
    return ConsoleWait(machine, look, match, timeout).run(most);
}

void wait_for_console_end(Machine& machine, Timeout timeout) {
    auto& console = machine.console();
    const auto deadline = deadline_of(timeout);
    os::Broadcast::Listener changed(console.changed());
    while (!console.closed() &&
           os::wait_readable({changed.fd()}, deadline, machine.host().interrupt))
        changed.reset();
}

} // namespace ntd::machine
