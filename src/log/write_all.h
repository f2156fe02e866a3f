#pragma once

#include <string_view>

namespace ntd::log {

// Writes all of it, however long the reader takes. 0, or the errno of what made it impossible.
int write_all(int fd, std::string_view bytes) noexcept;

// A sink that cannot do its work says so where somebody may see it, past the log.
void say_failure(int error, std::string_view doing) noexcept;

} // namespace ntd::log
