#include <ntd/base/error.h>

#include <system_error>

namespace ntd {

namespace {

std::string with_visible_nul(std::string text) {
    constexpr std::string_view shown = "\\x00";
    for (auto at = text.find('\0'); at != text.npos; at = text.find('\0', at + shown.size()))
        text.replace(at, 1, shown);
    return text;
}

} // namespace

Error::Error(std::string message) : message_(with_visible_nul(std::move(message))) {}

void Error::add_context(std::string_view context) {
    message_ = with_visible_nul(fmt::format("{}: {}", context, message_));
}

SystemError::SystemError(int code, std::string_view doing)
    : Error("{}: {}", doing, std::generic_category().message(code)), code_(code) {}

void throw_system_error(int code, std::string_view doing) {
    throw SystemError(code, doing);
}

} // namespace ntd
