#pragma once

#include <string_view>

namespace ntd::log {

// Writes everything, however long the reader takes. Returns 0 or an errno value.
int write_all(int fd, std::string_view bytes) noexcept;

// Reports the failure of a sink on stderr, not in the log.
void say_failure(int error, std::string_view doing) noexcept;

} // namespace ntd::log
