#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/log/outlet.h>
#include <ntd/log/output_lines.h>
#include <ntd/log/sink.h>

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::log {

// Writes the test log as nested XML (LOGFILE). After each write the file is a complete document:
// the closing tags follow the last event, and the next write overwrites them. A pipe cannot be
// rewound and gets them only at the end. Costs nothing on /dev/null.
//
// Elements are in the order of events. If a scope ends while scopes that began after it are still
// open (on other threads), its "finished" line is written at once, its </nest> when those have
// ended.
class XmlSink final : public LogSink {
public:
    // Throws SystemError if the file cannot be opened.
    explicit XmlSink(const std::filesystem::path& file);
    ~XmlSink() override;
    XmlSink(const XmlSink&) = delete;
    XmlSink& operator=(const XmlSink&) = delete;
    XmlSink(XmlSink&&) = delete;
    XmlSink& operator=(XmlSink&&) = delete;

    void write(const Event& event) noexcept override;
    void flush() noexcept override;
    void prepare_for_end() noexcept override;
    void settle(std::size_t but_for) noexcept override;

private:
    struct Nest {
        std::uint64_t id;
        bool ended;
    };
    struct Attributes {
        std::string_view machine = {};
        const char* type = nullptr;
    };

    void add(const Event& event, const Line& line);
    void add(const Event& event, const Serial& serial);
    void add(const Event& event, const Output& output);
    void add(const Event& event, const ScopeBegin& scope);
    void add(const Event& event, const ScopeEnd& scope);
    void add(const Event& event, const TestError& error);
    void add(const Event& event, const SubtestSkip& subtest);
    void add_output_line(std::string_view machine, std::string_view line);
    void add_element(const char* tag, Attributes attributes, std::string_view text);
    std::string closing_tags() const;
    void send() noexcept;

    int write_pending() noexcept;

    std::filesystem::path path_;
    UniqueFd file_;                // a regular file
    std::unique_ptr<Outlet> pipe_; // any other file; neither: /dev/null or failed
    off_t end_ = 0;                // end of the file's content without the closing tags
    std::string pending_;
    std::vector<Nest> nests_; // open elements, outermost first
    OutputLines outputs_{[this](auto machine, auto line) { add_output_line(machine, line); }};
};

} // namespace ntd::log
