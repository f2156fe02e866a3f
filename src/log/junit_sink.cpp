#include <ntd/log/junit_sink.h>

#include "dispatch.h"
#include "wording.h"
#include "xml.h"

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/base/text.h>
#include <ntd/base/unique_fd.h>
#include <ntd/base/write_all.h>
#include <ntd/log/outlet.h>
#include <ntd/log/output_lines.h>
#include <ntd/log/terminal_text.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace ntd::log {

namespace {

using TimePoint = std::chrono::system_clock::time_point;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t most_kept = 1 << 20;

// Keeps the last lines of a text that may grow without limit.
class LastLines {
public:
    void add(std::string_view line) {
        text_.append(line).push_back('\n');
        if (text_.size() > 2 * most_kept)
            cut_ += std::exchange(text_, tail(text_, most_kept)).size() - text_.size();
    }

    std::string text() const {
        std::string kept = tail(text_, most_kept);
        const auto cut = cut_ + text_.size() - kept.size();
        return cut == 0 ? kept : fmt::format("({} bytes before this are cut)\n{}", cut, kept);
    }

private:
    std::string text_;
    std::size_t cut_ = 0;
};

struct Failure {
    std::string message;
    std::string text;
};

struct Case {
    std::string name;
    Case* outer = nullptr; // the enclosing subtest, or main
    TimePoint begin{};
    std::optional<Seconds> took = {}; // once it has ended
    std::optional<Failure> failure = {};
    bool skipped = false;
    LastLines out = {};
    LastLines err = {};

    bool is_part_of(const Case& other) const {
        return this == &other || (outer != nullptr && outer->is_part_of(other));
    }
};

void add_attribute(pugi::xml_node to, const char* name, std::string_view value) {
    to.append_attribute(name) = xml_text(value).c_str();
}

pugi::xml_node add_element(pugi::xml_node to, const char* tag, std::string_view text) {
    auto element = to.append_child(tag);
    element.text() = xml_text(text).c_str();
    return element;
}

void add_result(pugi::xml_node to, const Case& each) {
    if (each.failure)
        add_attribute(add_element(to, "failure", each.failure->text), "message",
                      each.failure->message);
    else if (each.skipped)
        to.append_child("skipped");
    else if (!each.took)
        add_attribute(add_element(to, "error", ""), "message", "the run ended during this subtest");
}

void add_texts(pugi::xml_node to, std::string_view out, std::string_view err) {
    if (!out.empty())
        add_element(to, "system-out", out);
    if (!err.empty())
        add_element(to, "system-err", err);
}

void add_time(pugi::xml_node to, Seconds time) {
    add_attribute(to, "time", fmt::format("{:.3f}", std::max(time.count(), 0.0)));
}

void add_case(pugi::xml_node suite, const Case& each, Seconds time) {
    auto to = suite.append_child("testcase");
    add_attribute(to, "classname", suite.attribute("name").value());
    add_attribute(to, "name", each.name);
    add_time(to, time);
    add_result(to, each);
    add_texts(to, each.out.text(), each.err.text());
}

// The line of a traceback that names the exception: the first line after the indented frames.
std::string_view exception_line(std::string_view traceback) {
    bool in_frames = false;
    for (auto rest = traceback; !rest.empty();) {
        const auto line = first_line(rest);
        const bool indented = line.starts_with(' ');
        if (in_frames && !indented && !line.empty())
            return line;
        in_frames = indented || (in_frames && line.empty());
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return first_line(traceback);
}

std::string timestamp(TimePoint time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[sizeof "2000-01-01T00:00:00"];
    return {text, std::strftime(text, sizeof text, "%FT%T", &utc)};
}

} // namespace

// The content of the report so far. Does no I/O.
class JunitSink::Report {
public:
    explicit Report(std::string suite) : suite_(std::move(suite)) {}

    void add(const Event& event) noexcept;
    std::string to_xml();

private:
    void add(const Event& event, const Line& line);
    void add(const Event& event, const Serial& serial);
    void add(const Event& event, const Output& output);
    void add(const Event& event, const ScopeBegin& scope);
    void add(const Event& event, const ScopeEnd& scope);
    void add(const Event& event, const TestError& error);
    void add(const Event& event, const SubtestSkip& subtest);
    Case& begin_subtest(const Event& event, const std::string& name);
    void end_subtest(Case& subtest, const ScopeEnd& scope);
    Seconds length(const Case& each) const { return each.took.value_or(last_ - each.begin); }
    std::map<const Case*, Seconds> own_times() const;
    bool shows_main() const { return subtests_.empty() || main_.failure; }
    template <typename Condition>
    std::size_t count(Condition condition) const; // of the cases in the report
    void fill(pugi::xml_node suite) const;

    std::string suite_; // its name
    TimePoint last_{};
    Case main_{.name = "main"};                  // everything outside of subtests
    std::deque<Case> subtests_;                  // in order of begin; a deque keeps them in place
    std::map<std::uint64_t, Case*> open_scopes_; // scope id to its case
    Case* here_ = &main_;                        // case of the current event
    Case* last_failed_ = nullptr;                // its exception may still be propagating
    LastLines serial_;
    OutputLines outputs_{
        [this](auto machine, auto line) { here_->out.add(fmt::format("{} > {}", machine, line)); }};
};

void JunitSink::Report::add(const Event& event) noexcept {
    last_ = event.time;
    if (main_.begin == TimePoint{})
        main_.begin = last_;
    const auto scope = open_scopes_.find(event.parent);
    here_ = scope != open_scopes_.end() ? scope->second : &main_;
    dispatch(event, [&](const auto& what) { add(event, what); });
}

void JunitSink::Report::add(const Event& event, const Line& line) {
    LastLines& to = line.level == Level::error ? here_->err : here_->out;
    to.add(with_machine(event.machine, line.text));
}

void JunitSink::Report::add(const Event& event, const Serial& serial) {
    serial_.add(fmt::format("{} # {}", event.machine, serial.text));
}

void JunitSink::Report::add(const Event& event, const Output& output) {
    outputs_.add(event.machine, output.text);
}

void JunitSink::Report::add(const Event& event, const ScopeBegin& scope) {
    outputs_.end(event.machine);
    const bool subtest = scope.kind == ScopeKind::subtest;
    open_scopes_[scope.id] = subtest ? &begin_subtest(event, scope.text) : here_;
    if (!subtest)
        here_->out.add(with_machine(event.machine, scope.text));
}

void JunitSink::Report::add(const Event& event, const ScopeEnd& scope) {
    if (const auto ended = open_scopes_.extract(scope.id))
        here_ = ended.mapped(); // not the case of `event.parent` for a subtest
    outputs_.end(event.machine);
    if (scope.kind == ScopeKind::subtest && here_ != &main_)
        end_subtest(*here_, scope);
    else
        here_->out.add(with_machine(event.machine, finished(scope)));
}

// When the exception of a failed subtest leaves the script, it arrives here again, with its
// traceback. That is one failure, not two. If the script goes on after it (--keep-going), that may
// be in an outer subtest.
void JunitSink::Report::add(const Event&, const TestError& error) {
    if (error.is_summary)
        return here_->err.add(error.text);
    const bool known = last_failed_ != nullptr && last_failed_ != here_ &&
                       last_failed_->is_part_of(*here_) &&
                       error.text.find(last_failed_->failure->message) != error.text.npos;
    if (known)
        std::exchange(last_failed_, nullptr)->failure->text = error.text;
    else if (!here_->failure)
        here_->failure = {std::string(exception_line(error.text)), error.text};
    else
        here_->err.add(error.text);
}

void JunitSink::Report::add(const Event& event, const SubtestSkip& subtest) {
    Case& to = begin_subtest(event, subtest.name);
    to.took = Seconds(0);
    to.skipped = true;
}

Case& JunitSink::Report::begin_subtest(const Event& event, const std::string& name) {
    return subtests_.emplace_back(Case{.name = name, .outer = here_, .begin = event.time});
}

// The exception that ended a subtest says more about its failure than what was recorded before.
void JunitSink::Report::end_subtest(Case& subtest, const ScopeEnd& scope) {
    subtest.took = scope.took;
    if (!scope.failure)
        return;
    if (subtest.failure)
        subtest.err.add(subtest.failure->text);
    subtest.failure = {std::string(first_line(*scope.failure)), *scope.failure};
    const bool passed_on = last_failed_ != nullptr && last_failed_->is_part_of(subtest) &&
                           last_failed_->failure->text == *scope.failure;
    if (!passed_on)
        last_failed_ = &subtest;
}

// A case's time excludes that of its nested subtests, so that the sum is the time of the run.
std::map<const Case*, Seconds> JunitSink::Report::own_times() const {
    std::map<const Case*, Seconds> own{{&main_, length(main_)}};
    for (const Case& subtest : subtests_) {
        own[&subtest] += length(subtest);
        own[subtest.outer] -= length(subtest);
    }
    return own;
}

template <typename Condition>
std::size_t JunitSink::Report::count(Condition condition) const {
    const auto subtests = std::count_if(subtests_.begin(), subtests_.end(), condition);
    return static_cast<std::size_t>(subtests) + (shows_main() && condition(main_) ? 1 : 0);
}

void JunitSink::Report::fill(pugi::xml_node suite) const {
    suite.append_attribute("name") = suite_.c_str();
    suite.append_attribute("tests") = count([](const Case&) { return true; });
    suite.append_attribute("failures") = count([](const Case& each) { return !!each.failure; });
    suite.append_attribute("errors") =
        count([](const Case& each) { return !each.failure && !each.took; });
    if (const auto skipped = count([](const Case& each) { return each.skipped; }))
        suite.append_attribute("skipped") = skipped;
    add_time(suite, length(main_));
    add_attribute(suite, "timestamp", timestamp(main_.begin));
    const auto times = own_times();
    if (shows_main())
        add_case(suite, main_, times.at(&main_));
    for (const Case& subtest : subtests_)
        add_case(suite, subtest, times.at(&subtest));
    const LastLines none;
    const LastLines& out = shows_main() ? none : main_.out;
    const LastLines& err = shows_main() ? none : main_.err;
    add_texts(suite, out.text() + serial_.text(), err.text());
}

std::string JunitSink::Report::to_xml() {
    outputs_.end_all();
    main_.took = last_ - main_.begin;
    pugi::xml_document document;
    auto suites = document.append_child("testsuites");
    fill(suites.append_child("testsuite"));
    std::string xml(xml_declaration);
    append_xml(xml, suites, XmlLayout::lines);
    return xml;
}

namespace {

// Fails for a pipe that nobody reads, rather than wait for a reader.
UniqueFd open_for_writing(const std::filesystem::path& file, bool is_temporary) {
    // Through a copy from a guest, a link may exist under the name of the temporary file.
    const int how = is_temporary ? O_NOFOLLOW : O_NONBLOCK;
    return UniqueFd(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC | how, 0666));
}

// Returns 0 or an errno value.
int write_to_reader(UniqueFd fd, std::string_view text) noexcept {
    Outlet reader(std::move(fd));
    reader.write(text);
    return reader.settle() ? reader.error() : ETIMEDOUT;
}

// Returns 0 or an errno value.
int replace(const std::filesystem::path& file,
            const std::filesystem::path& temporary,
            std::string_view text) noexcept {
    UniqueFd fd = open_for_writing(temporary, temporary != file);
    if (!fd)
        return errno;
    if (temporary == file)
        return write_to_reader(std::move(fd), text);
    if (const int error = write_all(fd.get(), text); error != 0)
        return error;
    return ::rename(temporary.c_str(), file.c_str()) == 0 ? 0 : errno;
}

} // namespace

JunitSink::JunitSink(const std::filesystem::path& file, std::string suite)
    : file_(std::filesystem::absolute(file)), // the script may change the directory
      temporary_(file_), report_(std::make_unique<Report>(std::move(suite))) {
    std::error_code missing;
    const auto status = std::filesystem::status(file_, missing);
    if (!std::filesystem::exists(status) || std::filesystem::is_regular_file(status))
        temporary_ += ".new";
    if (!open_for_writing(temporary_, temporary_ != file_))
        throw_errno("open '{}' for the JUnit report", temporary_.string());
    if (temporary_ != file_)
        ::unlink(temporary_.c_str());
}

JunitSink::JunitSink(WhenWanted, const std::filesystem::path& file, std::string suite)
    : file_(std::filesystem::absolute(file)), temporary_(file_.string() + ".new"),
      report_(std::make_unique<Report>(std::move(suite))), is_wanted_(false) {}

JunitSink::~JunitSink() {
    if (!is_fork())
        flush();
}

void JunitSink::write(const Event& event) noexcept {
    written_ = false;
    report_->add(event);
}

void JunitSink::flush() noexcept {
    if (!is_wanted_ || std::exchange(written_, true))
        return;
    const int error = replace(file_, temporary_, report_->to_xml());
    if (error != 0 && !std::exchange(complained_, true))
        say_failure(error, fmt::format("write the JUnit report '{}'", file_.string()));
}

} // namespace ntd::log
