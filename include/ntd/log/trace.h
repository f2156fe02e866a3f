#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace spdlog {
class logger;
}

namespace ntd::log {

// For developers of the driver: all that goes over the machines' channels, with time and thread, in
// the file of $NTD_TRACE. Not part of the test log. Usable from any thread.
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
