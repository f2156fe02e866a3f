#pragma once

#include <ntd/log/sink.h>

#include <filesystem>
#include <memory>
#include <string>

namespace ntd::log {

// The run as a JUnit report: one case per subtest, or one called "main". Written as a whole by
// flush() and at the end, in one step, so that nobody ever reads half a report. Of each case's
// text, and of the consoles, only the last mebibyte is kept.
class JunitSink final : public LogSink {
public:
    // Throws SystemError if there can be no such file: better before the test than after it.
    explicit JunitSink(const std::filesystem::path& file,
                       std::string suite = "NixOS integration test");
    ~JunitSink() override;
    JunitSink(const JunitSink&) = delete;
    JunitSink& operator=(const JunitSink&) = delete;
    JunitSink(JunitSink&&) = delete;
    JunitSink& operator=(JunitSink&&) = delete;

    void write(const Event& event) noexcept override;
    void flush() noexcept override;

private:
    class Report;

    std::filesystem::path file_;
    std::filesystem::path temporary_; // file_ itself where that is a device or a pipe
    std::unique_ptr<Report> report_;
    bool written_ = false; // nothing happened since
    bool complained_ = false;
};

} // namespace ntd::log
