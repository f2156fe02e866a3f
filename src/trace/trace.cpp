#include <ntd/trace/trace.h>

#include <ntd/base/error.h>
#include <ntd/base/guarded.h>
#include <ntd/base/signals.h>
#include <ntd/base/text.h>

#include "names.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace ntd::trace {

namespace {

using Clock = std::chrono::steady_clock;

// Limits for one message: these show enough of a command's output or command line.
constexpr std::size_t most_bytes = 2000;
constexpr std::size_t most_text = 8000;

std::string cut(std::string_view all, const std::string& shown, std::size_t most) {
    return all.size() > most ? shown + fmt::format("... ({} bytes)", all.size()) : shown;
}

// Writes each line at once, so that no line is lost, however the process ends.
class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    explicit FileSink(UniqueFd file) : file_(std::move(file)) {
        set_pattern("%Y-%m-%d %H:%M:%S.%f %v [%t]");
    }

    void watch(spdlog::details::thread_pool& queue) { queue_ = &queue; }

    // Waits until so many lines are written or dropped.
    bool wait_for(std::uint64_t lines, std::chrono::milliseconds limit) {
        std::unique_lock lock(mutex_);
        return progress_.wait_for(lock, limit, [&] { return done_ >= lines; });
    }

protected:
    // Dropped messages are older than this one, so the note comes first.
    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto dropped = queue_->overrun_counter();
        const auto newly = dropped - std::exchange(dropped_, dropped);
        if (newly > 0) {
            const auto note =
                fmt::format("warning trace: {} lines are dropped here: too many at once", newly);
            spdlog::details::log_msg line(message.time, {}, {}, spdlog::level::warn, note);
            line.thread_id = message.thread_id;
            write(line);
        }
        write(message);
        const std::lock_guard lock(mutex_);
        done_ += newly + 1;
        progress_.notify_all();
    }

    void flush_() override {}

private:
    // Ignores errors of write(2): nobody can be told, e.g. of a full file system.
    void write(const spdlog::details::log_msg& message) {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        for (std::string_view rest(line.data(), line.size()); !rest.empty();) {
            const auto count = ::write(file_.get(), rest.data(), rest.size());
            if (count < 0 && errno != EINTR)
                return;
            rest.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
        }
    }

    UniqueFd file_;
    spdlog::details::thread_pool* queue_ = nullptr;
    std::size_t dropped_ = 0; // number of dropped lines already reported
    std::mutex mutex_;        // guards what follows
    std::condition_variable progress_;
    std::uint64_t done_ = 0;
};

// The data of a session. Threads that are tracing share its ownership with the session.
struct Output {
    Output(UniqueFd file, std::size_t most_waiting)
        : sink(std::make_shared<FileSink>(std::move(file))), queue(start(most_waiting)) {
        sink->watch(*queue);
        logger = std::make_shared<spdlog::async_logger>(
            "", sink, queue, spdlog::async_overflow_policy::overrun_oldest);
        logger->set_level(spdlog::level::trace);
        logger->set_error_handler([](const std::string&) {}); // by default it writes to stderr
    }

    void write(Category category, Level level, std::string_view text) {
        const std::chrono::duration<double> since = Clock::now() - begin;
        const auto line = fmt::format("+{:.6f} {} {}: {}", since.count(),
                                      level_names.at(static_cast<std::size_t>(level)),
                                      category_names.at(static_cast<std::size_t>(category)), text);
        ++given;
        logger->log(spdlog::level::trace, spdlog::string_view_t(line.data(), line.size()));
    }

    bool flush(std::chrono::milliseconds limit) { return sink->wait_for(given, limit); }

    const Clock::time_point begin = Clock::now();
    std::atomic<std::uint64_t> given = 0;
    const std::shared_ptr<FileSink> sink;
    const std::shared_ptr<spdlog::details::thread_pool> queue; // its destructor joins the writer
    std::shared_ptr<spdlog::async_logger> logger;

private:
    static std::shared_ptr<spdlog::details::thread_pool> start(std::size_t most_waiting) {
        const SignalsBlocked on_the_new_thread;
        return std::make_shared<spdlog::details::thread_pool>(most_waiting, 1);
    }
};

using Current = Guarded<std::shared_ptr<Output>>;

// Never destroyed: a fork may call exit(3), and cannot join the writer thread.
Current& current() {
    static auto* const output = new Current();
    return *output;
}

} // namespace

namespace detail {

void write(Category category, Level level, fmt::string_view text, fmt::format_args args) noexcept {
    try {
        if (const auto output = current().copy()) {
            const auto words = fmt::vformat(text, args);
            const auto begin = std::string_view(words).substr(0, most_text);
            output->write(category, level, cut(words, visible(begin), most_text));
        }
    } catch (...) { // out of memory: tracing must not end the driver
    }
}

void write_bytes(char direction, std::string_view channel, std::string_view bytes) noexcept {
    if (bytes.empty())
        return;
    try {
        if (const auto output = current().copy())
            output->write(
                Category::channel, Level::trace,
                fmt::format("{} {} {}", channel, direction,
                            cut(bytes, printable(bytes.substr(0, most_bytes)), most_bytes)));
    } catch (...) { // as above
    }
}

} // namespace detail

bool flush(std::chrono::milliseconds limit) noexcept {
    if (is_fork())
        return true;
    try {
        const auto output = current().copy();
        return !output || output->flush(limit);
    } catch (...) {
        return false;
    }
}

Session::Session(const Settings& settings, std::size_t most_waiting) {
    if (!settings.file)
        return;
    UniqueFd file(::fcntl(settings.file.get(), F_DUPFD_CLOEXEC, 3));
    if (!file)
        throw_errno("duplicate the descriptor of the trace");
    auto output = std::make_shared<Output>(std::move(file), most_waiting);
    current().with([&](auto& now) { now.swap(output); });
    for (std::size_t i = 0; i < category_count; ++i)
        detail::levels.at(i) = settings.levels.at(i);
}

Session::~Session() {
    if (is_fork())
        return;
    for (auto& level : detail::levels)
        level = Level::off;
    if (flush()) // otherwise the thread blocks in write(2), and we must not join it
        current().with([](auto& now) { return std::exchange(now, nullptr); });
}

} // namespace ntd::trace
