#pragma once

#include <ntd/log/sink.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

namespace ntd::log {

// Writes a JUnit report: one test case per subtest, and a case "main" for everything else. flush()
// and the destructor write the whole file and rename it into place, so nobody reads half a report.
// Of each case's text and of the consoles only the last mebibyte is kept.
class JunitSink final : public LogSink {
public:
    // Throws SystemError if the file cannot be written, so that the user learns it before the test.
    explicit JunitSink(const std::filesystem::path& file,
                       std::string suite = "NixOS integration test");
    // Writes nothing until want().
    struct WhenWanted {};
    JunitSink(WhenWanted, const std::filesystem::path& file, std::string suite);
    ~JunitSink() override;
    JunitSink(const JunitSink&) = delete;
    JunitSink& operator=(const JunitSink&) = delete;
    JunitSink(JunitSink&&) = delete;
    JunitSink& operator=(JunitSink&&) = delete;

    void write(const Event& event) noexcept override;
    void flush() noexcept override;

    // From now on, flush() writes the file. Any thread may call it.
    void want() noexcept { is_wanted_ = true; }

private:
    class Report;

    std::filesystem::path file_;
    std::filesystem::path temporary_; // same as file_ if that is a device or a pipe
    std::unique_ptr<Report> report_;
    std::atomic<bool> is_wanted_ = true;
    bool written_ = false; // no event since the last write
    bool complained_ = false;
};

} // namespace ntd::log
