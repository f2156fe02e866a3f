#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace spdlog {
class logger;
}

namespace ntd::log {

// Writes all traffic on the machines' channels, with time and thread, to the file $NTD_TRACE. For
// developers of the driver; not part of the test log. Thread-safe.
class Trace {
public:
    // Throws Error if the file cannot be written.
    explicit Trace(const std::filesystem::path& file);
    ~Trace();
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    Trace(Trace&&) = delete;
    Trace& operator=(Trace&&) = delete;

    void sent(std::string_view channel, std::string_view bytes) noexcept;
    void received(std::string_view channel, std::string_view bytes) noexcept;

private:
    std::unique_ptr<spdlog::logger> logger_;
};

} // namespace ntd::log
