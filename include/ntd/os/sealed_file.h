#pragma once

#include <ntd/base/unique_fd.h>

#include <string_view>

namespace ntd::os {

// A file in memory with these bytes, positioned at its start and sealed: nobody can change its
// content or size. Throws SystemError.
UniqueFd sealed_file(const char* name, std::string_view bytes);

} // namespace ntd::os
