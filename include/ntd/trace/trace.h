#pragma once

#include <ntd/base/forks.h>
#include <ntd/base/unique_fd.h>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

// Traces what the driver does, for its developers, into the file $NTD_TRACE. The trace is not part
// of the test log. Any thread may trace, and none waits for the file. Forks of the driver trace
// nothing.
namespace ntd::trace {

// One category for each module, and `channel` for the bytes exchanged with QEMU, guests and
// containers.
enum class Category : unsigned char {
    driver,
    bindings,
    os,
    log,
    machine,
    qemu,
    nspawn,
    network,
    vsock,
    channel,
};
constexpr std::size_t category_count = 10;

// Each level includes those before it. info: starts and ends; debug: reasons for decisions; trace:
// bytes.
enum class Level : unsigned char { off, warning, info, debug, trace };

using Levels = std::array<Level, category_count>;

// Parses the values of $NTD_TRACE and $NTD_TRACE_LEVEL; null or empty means not set. `file` is open
// for appending, or empty if nothing is traced. Throws UsageError.
struct Settings {
    UniqueFd file;
    Levels levels{};
};
Settings settings_from(const char* file, const char* levels);

namespace detail {

inline std::array<std::atomic<Level>, category_count> levels{}; // written by Session

void write(Category category, Level level, fmt::string_view text, fmt::format_args args) noexcept;
void write_bytes(char direction, std::string_view channel, std::string_view bytes) noexcept;

} // namespace detail

// Whether a message would be traced. Ask before you compute expensive arguments. All functions
// below ask this first, and format nothing if it is false.
inline bool on(Category category, Level level) noexcept {
    const auto index = static_cast<std::size_t>(category);
    return level <= detail::levels[index].load(std::memory_order_relaxed) && !is_fork();
}

template <typename... Args>
void warning(Category category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    if (on(category, Level::warning))
        detail::write(category, Level::warning, text, fmt::make_format_args(args...));
}

template <typename... Args>
void info(Category category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    if (on(category, Level::info))
        detail::write(category, Level::info, text, fmt::make_format_args(args...));
}

template <typename... Args>
void debug(Category category, fmt::format_string<Args...> text, Args&&... args) noexcept {
    if (on(category, Level::debug))
        detail::write(category, Level::debug, text, fmt::make_format_args(args...));
}

// Trace the bytes sent and received on a channel; unprintable ones are escaped.
inline void sent(std::string_view channel, std::string_view bytes) noexcept {
    if (on(Category::channel, Level::trace))
        detail::write_bytes('<', channel, bytes);
}
inline void received(std::string_view channel, std::string_view bytes) noexcept {
    if (on(Category::channel, Level::trace))
        detail::write_bytes('>', channel, bytes);
}

// Waits until the file has all earlier messages, and returns true. Returns false after `limit`,
// because the file may be a pipe that nobody reads. Used at the end of the process.
bool flush(std::chrono::milliseconds limit = std::chrono::seconds(1)) noexcept;

// Tracing is on while a Session exists; only one may exist. Its thread alone writes to the file, so
// fork before you create it. If messages arrive faster than the file takes them, the oldest are
// dropped, and a line says how many.
class Session {
public:
    explicit Session(const Settings& settings, std::size_t most_waiting = 8192);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    Session(Session&&) = delete;
    Session& operator=(Session&&) = delete;
};

} // namespace ntd::trace
