#pragma once

#include <string_view>

namespace ntd {

// Writes everything, however long the reader takes. Returns 0 or an errno value.
int write_all(int fd, std::string_view bytes) noexcept;

} // namespace ntd
