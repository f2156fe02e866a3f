#include <ntd/log/trace.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>

namespace ntd::log {

namespace {

// Enough of a command's output for a developer.
constexpr std::size_t longest = 2000;

std::string shown(std::string_view bytes) {
    auto text = printable(bytes.substr(0, longest));
    if (bytes.size() > longest)
        text += fmt::format("... ({} bytes)", bytes.size());
    return text;
}

std::unique_ptr<spdlog::logger> open(const std::filesystem::path& file) {
    try {
        auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
        return std::make_unique<spdlog::logger>("trace", std::move(sink));
    } catch (const spdlog::spdlog_ex& error) {
        throw Error("cannot write the trace of $NTD_TRACE: {}", error.what());
    }
}

} // namespace

Trace::Trace(const std::filesystem::path& file) : logger_(open(file)) {
    logger_->set_pattern("%H:%M:%S.%f [%t] %v");
    logger_->flush_on(spdlog::level::info);
}

Trace::~Trace() = default;

void Trace::sent(std::string_view channel, std::string_view bytes) noexcept {
    logger_->info("{} < {}", channel, shown(bytes));
}

void Trace::received(std::string_view channel, std::string_view bytes) noexcept {
    logger_->info("{} > {}", channel, shown(bytes));
}

} // namespace ntd::log
