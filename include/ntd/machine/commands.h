#pragma once

#include <ntd/base/guarded.h>
#include <ntd/log/log.h>
#include <ntd/machine/command.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::machine {

// The commands that a machine is running, and the last one that is over: what people ask when a
// test fails. Tells the log of each that ends. Thread-safe.
class Commands {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Running {
        std::string text; // shortened
        Time begin;
    };

    struct Last {
        std::string text;
        std::optional<log::Command> end; // none: it did not end by itself, as the machine died
    };

    Commands(log::Log& log, std::string machine) : log_(log), machine_(std::move(machine)) {}

    // Runs `call`, which runs the command and returns its result. A command of ours is not
    // recorded.
    enum class Whose { ours, of_script };
    template <typename Call>
    ExecResult watch(std::string_view command, Whose whose, Call call) {
        if (whose == Whose::ours)
            return call();
        Entry entry(*this, command);
        auto result = call();
        note_end(entry, result);
        return result;
    }

    std::vector<Running> running() const; // in the order of their begin
    std::optional<Last> last() const;

private:
    // A command that is running.
    class Entry {
    public:
        Entry(Commands& all, std::string_view command);
        ~Entry();
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        Entry(Entry&&) = delete;
        Entry& operator=(Entry&&) = delete;

        const Running what;
        bool has_ended = false;

    private:
        Commands& all_;
        std::uint64_t number_ = 0;
    };

    struct Content {
        std::map<std::uint64_t, Running> running;
        std::uint64_t last_number = 0;
        std::optional<Last> last;
    };

    void note_end(Entry& entry, const ExecResult& result);

    log::Log& log_;
    const std::string machine_;
    Guarded<Content> content_;
};

// What the machine's commands do, for people: "runs `sleep 100` for 3 s; before that `true` ended
// with exit code 0".
std::string described(const Commands& commands);

} // namespace ntd::machine
