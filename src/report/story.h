#pragma once

#include "console_text.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace ntd::report {

enum class Kind { scope, subtest, command, message, output, error, life, picture };

// One entry of the list of steps. Entries of scopes contain others.
struct Step {
    Kind kind = Kind::message;
    std::uint64_t number = 0; // a scope's id, or the number of the event
    double at = 0;
    std::optional<double> took = {}; // nothing: a scope that did not end
    int line = 0;                    // of the script
    std::string machine = {};
    std::string level = {};   // of a message
    std::string text = {};    // what was done; the file of a picture
    std::string output = {};  // of a command
    std::string failure = {}; // of a scope
    bool failed = false;
    int status = 0;
    bool timed_out = false;
    std::size_t cut = 0;   // bytes of output that are missing
    std::size_t times = 1; // a command that was repeated with the same result
    Step* outer = nullptr;
    int depth = 0;
    std::vector<Step*> inner = {};
    bool forgotten = false; // to keep the report small
    std::size_t forgotten_inner = 0;

    bool is_scope() const { return kind == Kind::scope || kind == Kind::subtest; }
    bool did_not_end() const { return is_scope() && !took; }
    bool is_wait() const { return is_scope() && text.starts_with("waiting"); }
    double end() const { return at + took.value_or(0); }
    std::string anchor() const;
    bool has_failed_inner() const;
};

// One boot of a machine.
struct Phase {
    double started = 0;
    std::optional<double> up = {};
    std::optional<double> ended = {};
};

struct Machine {
    std::string name;
    std::string kind = {};
    ConsoleText console = {};
    std::vector<Phase> phases = {};
    const Step* last_picture = nullptr;
};

// What the record of a run says, in the form that the page shows.
struct Story {
    Story();
    ~Story() = default;
    Story(const Story&) = delete;
    Story& operator=(const Story&) = delete;
    Story(Story&&) = default;
    Story& operator=(Story&&) = default;

    Machine& machine(const std::string& name); // adds it if it is new
    std::size_t index_of(const std::string& machine) const;

    std::string version;
    std::string time;
    std::string script;
    std::string script_name;
    std::deque<Machine> machines;
    std::deque<Step> steps; // in the order of the record; the first one contains all others
    std::size_t most_of_console = ConsoleText::Limits().most; // for machines to be added
    double end = 0;
    std::size_t damaged_lines = 0;
    bool cut = false; // the record was over its limit

    const Step& root() const { return steps.front(); }

    // The step that says most about the failure of the run, which was at this line of the script
    // (0: not known). nullptr if all steps succeeded.
    const Step* culprit(int line) const;
};

} // namespace ntd::report
